// An epoch that follows another one: begun early, in nobody's way, thrown away without harm.
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "pipeline/epoch.h"
#include "pipeline/loader.h"
#include "support/dataset.h"
#include "support/threads.h"

namespace penstock::pipeline {
namespace {

constexpr std::size_t kBatch = 4;

class NextEpoch : public testing::Test {
 protected:
  std::unique_ptr<Loader> make_loader(unsigned prefetch = 2, std::uint64_t limit = base::MemoryBudget::kUnlimited) {
    LoaderOptions options;
    options.threads = 2;
    options.prefetch = prefetch;
    options.memory_limit = limit;
    return test::make_loader(dataset_, options);
  }
  std::shared_ptr<Epoch> start(Loader& loader, unsigned seed, const std::shared_ptr<Epoch>& before = nullptr) {
    return loader.start(test::shuffled(40, seed), test::batch_ends(40, kBatch), {}, before);
  }
  std::vector<std::int64_t> rest(Epoch& epoch) {
    std::vector<std::int64_t> seen;
    for (const std::vector<std::int64_t>& batch : test::run_epoch(dataset_, epoch)) {
      seen.insert(seen.end(), batch.begin(), batch.end());
    }
    return seen;
  }
  /// Takes batches until so many are left.
  void take_all_but(Epoch& epoch, int left) {
    for (int i = 10; i > left; --i) ASSERT_TRUE(epoch.next(test::kNoInterrupt));
  }
  /// Whether decoding threads have nothing to do for a while.
  static void settle() { std::this_thread::sleep_for(std::chrono::milliseconds(60)); }

  test::Dataset dataset_ = test::make_dataset({.equal_sizes = true});
};

TEST_F(NextEpoch, GivesItsBatchesInItsOwnOrder) {
  for (const unsigned prefetch : {1U, 2U, 5U, 20U}) {
    const auto loader = make_loader(prefetch);
    auto epoch = start(*loader, 0);
    for (unsigned seed = 1; seed < 6; ++seed) {
      const auto next = start(*loader, seed, epoch);
      EXPECT_EQ(rest(*epoch), test::shuffled(40, seed - 1));
      epoch = next;
    }
    EXPECT_EQ(rest(*epoch), test::shuffled(40, 5));
  }
}

TEST_F(NextEpoch, BeginsNothingBeforeTheOneBeforeHasBegunAll) {
  const auto loader = make_loader();
  const auto epoch = start(*loader, 0);
  const auto next = start(*loader, 1, epoch);
  settle();
  EXPECT_EQ(loader->slabs_allocated(), 2 * 2U) << "two batches of two tensors, all of the first epoch";
  take_all_but(*epoch, 2);
  settle();
  EXPECT_LE(loader->slabs_allocated(), 4 * 2U);
  const std::uint64_t decoded = loader->stats().decode_ns;
  ASSERT_TRUE(epoch->next(test::kNoInterrupt));
  EXPECT_TRUE(test::eventually([&] { return loader->stats().decode_ns > decoded; })) << "nobody has asked for it";
  ASSERT_TRUE(epoch->next(test::kNoInterrupt));
  settle();
  const std::uint64_t ready = loader->stats().decode_ns;
  EXPECT_TRUE(next->next(test::kNoInterrupt));
  EXPECT_LE(loader->stats().samples, 44U);
  EXPECT_GE(loader->stats().decode_ns, ready);
}

TEST_F(NextEpoch, BothTogetherKeepToPrefetch) {
  const auto loader = make_loader(3);
  const auto epoch = start(*loader, 0);
  const auto next = start(*loader, 1, epoch);
  take_all_but(*epoch, 0);
  settle();
  // Three of the next one under way, and what went back to the pool meanwhile.
  EXPECT_LE(loader->slabs_allocated(), 2 * 5U);
  EXPECT_EQ(rest(*next), test::shuffled(40, 1));
}

TEST_F(NextEpoch, MayBeWantedBeforeTheOneBeforeIsOver) {
  const auto loader = make_loader();
  const auto epoch = start(*loader, 0);
  const auto next = start(*loader, 1, epoch);
  ASSERT_TRUE(epoch->next(test::kNoInterrupt));
  EXPECT_EQ(rest(*next), test::shuffled(40, 1));
  EXPECT_EQ(rest(*epoch).size(), 36U);
}

TEST_F(NextEpoch, IsThrownAwayWithoutHarm) {
  const auto loader = make_loader(4);
  for (unsigned round = 0; round < 20; ++round) {
    const auto epoch = start(*loader, round);
    auto next = start(*loader, round + 1, epoch);
    take_all_but(*epoch, static_cast<int>(round % 5));
    if (round % 2 == 0) next->close();
    next.reset();
    EXPECT_EQ(rest(*epoch).size(), (round % 5) * kBatch);
  }
  EXPECT_EQ(rest(*start(*loader, 7)), test::shuffled(40, 7));
  EXPECT_EQ(loader->stats().samples, 20 * 40U + 40U) << "of those that were thrown away none counts";
}

TEST_F(NextEpoch, GoesOnWhereTheOneBeforeIsLeft) {
  const auto loader = make_loader();
  auto epoch = start(*loader, 0);
  const auto next = start(*loader, 1, epoch);
  ASSERT_TRUE(epoch->next(test::kNoInterrupt));
  const std::uint64_t samples = loader->stats().samples;
  epoch->close();
  epoch.reset();
  settle();
  EXPECT_EQ(loader->stats().samples, samples);
  EXPECT_EQ(rest(*next), test::shuffled(40, 1));
}

TEST_F(NextEpoch, TakesNoMemoryThatIsLimited) {
  const auto loader = make_loader(2, std::uint64_t{1} << 30);
  const auto epoch = start(*loader, 0);
  const auto next = start(*loader, 1, epoch);
  take_all_but(*epoch, 0);
  settle();
  const std::size_t slabs = loader->slabs_allocated();
  settle();
  EXPECT_EQ(loader->slabs_allocated(), slabs);
  EXPECT_EQ(rest(*next), test::shuffled(40, 1));
}

TEST_F(NextEpoch, ItsErrorsHaveTheirTurn) {
  const std::vector<std::int64_t> order = test::in_order(40);
  const auto loader = make_loader();
  const auto epoch = loader->start({0, 1, 2, 3}, {2, 4});
  dataset_.store->fail(dataset_.chunk_of(0, 39), base::ErrorKind::kStorage);
  const auto next = loader->start({39, 0}, {1, 2}, {}, epoch);
  EXPECT_EQ(rest(*epoch), (std::vector<std::int64_t>{0, 1, 2, 3}));
  settle();
  EXPECT_THROW(next->next(test::kNoInterrupt), base::Error);
}

TEST_F(NextEpoch, StoppingTheLoaderEndsBoth) {
  for (int round = 0; round < 10; ++round) {
    const auto loader = make_loader();
    const auto epoch = start(*loader, 0);
    const auto next = start(*loader, 1, epoch);
    take_all_but(*epoch, round % 3);
    EXPECT_TRUE(loader->stop());
    EXPECT_THROW(next->next(test::kNoInterrupt), base::Error);
  }
}

/// Where a batch is stuck that somebody waits for too long.
class StuckBatch : public NextEpoch {};

TEST_F(StuckBatch, NamesTheReadsThatAreOutstanding) {
  const auto loader = make_loader();
  const std::string held = dataset_.chunk_of(0, 0);
  dataset_.store->hold(held);
  const auto epoch = loader->start({0, 20}, {2});
  dataset_.store->await_read(held);
  EXPECT_TRUE(test::eventually([&] { return epoch->stuck().what.find("', '") == std::string::npos; }));
  EXPECT_EQ(epoch->stuck().what, "batch 0 of this iteration waits for storage, which has not answered: '" + held + "'");
  EXPECT_NE(epoch->stuck().hint.find("storage"), std::string::npos);
  dataset_.store->open(held);
  EXPECT_TRUE(epoch->next(test::kNoInterrupt));
}

TEST_F(StuckBatch, SaysWhereMemoryIsMissing) {
  const auto loader = make_loader(2, 1);
  const auto epoch = start(*loader, 0);
  ASSERT_TRUE(test::eventually([&] { return epoch->stuck().what.find("waits for memory") != std::string::npos; }));
  EXPECT_NE(epoch->stuck().hint.find("memory_limit"), std::string::npos);
  EXPECT_TRUE(epoch->next(test::kNoInterrupt));
}

}  // namespace
}  // namespace penstock::pipeline
