#include <gtest/gtest.h>

#include <deque>

#include "pipeline/epoch.h"
#include "pipeline/loader.h"
#include "support/counting_allocator.h"
#include "support/dataset.h"
#include "support/threads.h"

namespace penstock::pipeline {
namespace {

class LoaderMemory : public testing::Test {
 protected:
  std::unique_ptr<Loader> make_loader(const LoaderOptions& options = {}) {
    return std::make_unique<Loader>(test::opened(dataset_.store), dataset_.sources, options, allocator_);
  }
  std::shared_ptr<Epoch> start(Loader& loader, unsigned seed) {
    return loader.start(test::shuffled(40, seed), test::batch_ends(40, 4));
  }

  test::Dataset dataset_ = test::make_dataset();
  std::shared_ptr<test::CountingAllocator> allocator_ = std::make_shared<test::CountingAllocator>();
};

TEST_F(LoaderMemory, SlabsThatTheConsumerHoldsAreNeverOverwritten) {
  const auto loader = make_loader();
  std::vector<batch::Batch> held;
  for (unsigned seed = 0; seed < 3; ++seed) {
    const auto epoch = start(*loader, seed);
    while (auto batch = epoch->next(test::kNoInterrupt)) held.push_back(std::move(*batch));
  }
  ASSERT_EQ(held.size(), 30U);
  for (const batch::Batch& batch : held) test::expect_sound(dataset_, batch);
}

TEST_F(LoaderMemory, SlabsMayOutliveTheLoader) {
  std::vector<batch::Batch> held;
  {
    const auto loader = make_loader();
    const auto epoch = start(*loader, 1);
    while (auto batch = epoch->next(test::kNoInterrupt)) held.push_back(std::move(*batch));
  }
  for (const batch::Batch& batch : held) test::expect_sound(dataset_, batch);
  held.clear();
  EXPECT_EQ(allocator_->live(), 0U);
}

TEST_F(LoaderMemory, TheNumberOfSlabsStopsGrowing) {
  for (const unsigned prefetch : {1U, 2U, 4U}) {
    LoaderOptions options;
    options.prefetch = prefetch;
    const auto loader = make_loader(options);
    // Once through the largest batch that there is, then any.
    test::run_epoch(dataset_, *loader->start(test::in_order(40), {40}));
    for (unsigned seed = 0; seed < 3; ++seed) test::run_epoch(dataset_, *start(*loader, seed));
    const std::size_t slabs = loader->slabs_allocated();
    for (unsigned seed = 3; seed < 10; ++seed) {
      std::deque<batch::Batch> last_two;  // as a for loop holds them
      const auto epoch = start(*loader, seed);
      while (auto batch = epoch->next(test::kNoInterrupt)) {
        last_two.push_back(std::move(*batch));
        if (last_two.size() > 1) last_two.pop_front();
      }
    }
    EXPECT_LE(loader->slabs_allocated(), std::max<std::size_t>(slabs, 2 * (prefetch + 2)));
  }
}

TEST_F(LoaderMemory, ReuseMayBeLeftToTheAllocator) {
  LoaderOptions options;
  options.keep_slabs = false;
  const auto loader = make_loader(options);
  test::run_epoch(dataset_, *start(*loader, 1));
  EXPECT_EQ(allocator_->total(), 20U) << "one for each tensor of each batch";
  EXPECT_TRUE(test::eventually([&] { return allocator_->live() == 0; }));
}

TEST_F(LoaderMemory, AnEpochThatIsLeftGivesItsMemoryBack) {
  LoaderOptions options;
  options.keep_slabs = false;
  const auto loader = make_loader(options);
  for (unsigned seed = 0; seed < 5; ++seed) {
    const auto epoch = start(*loader, seed);
    epoch->next(test::kNoInterrupt);
  }
  EXPECT_TRUE(test::eventually([&] { return allocator_->live() == 0; }));
}

TEST_F(LoaderMemory, AClosedEpochThatIsStillHeldHoldsNoBatches) {
  LoaderOptions options;
  options.keep_slabs = false;
  const auto loader = make_loader(options);
  const auto epoch = start(*loader, 1);
  ASSERT_TRUE(test::eventually([&] { return allocator_->live() == 4; })) << "two tensors of two batches";
  epoch->close();
  EXPECT_TRUE(test::eventually([&] { return allocator_->live() == 0; }));
}

}  // namespace
}  // namespace penstock::pipeline
