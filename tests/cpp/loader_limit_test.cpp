// What a loader holds at a time where LoaderOptions::memory_limit bounds it.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "pipeline/epoch.h"
#include "pipeline/loader.h"
#include "support/counting_allocator.h"
#include "support/dataset.h"
#include "support/threads.h"

namespace penstock::pipeline {
namespace {

constexpr std::int64_t kSamples = 240;
constexpr std::size_t kBatch = 24;

class LoaderLimit : public testing::Test {
 protected:
  static test::DatasetOptions many() {
    test::DatasetOptions options;
    options.samples = kSamples;
    options.equal_sizes = true;
    options.scale = 6;  // or the files are larger than their pixels
    return options;
  }

  std::unique_ptr<Loader> make_loader(std::uint64_t limit, unsigned prefetch = 6, bool keep_slabs = true) {
    LoaderOptions options;
    options.threads = 3;
    options.prefetch = prefetch;
    options.memory_limit = limit;
    options.keep_slabs = keep_slabs;
    return std::make_unique<Loader>(test::opened(dataset_.store), dataset_.sources, options,
                                    std::make_shared<test::CountingAllocator>());
  }
  /// In the order of the chunks: a batch needs a few of them, as it does where chunks are large.
  std::shared_ptr<Epoch> start(Loader& loader) {
    return loader.start(test::in_order(kSamples), test::batch_ends(kSamples, kBatch));
  }
  /// Takes all batches, each checked, as a for loop does: one is let go of when the next has come.
  std::size_t run(Epoch& epoch) {
    std::size_t batches = 0;
    std::optional<batch::Batch> held;
    while (auto batch = epoch.next(test::kNoInterrupt)) {
      test::expect_sound(dataset_, *batch);
      held = std::move(batch);
      ++batches;
    }
    return batches;
  }
  /// Bytes of a batch's tensors.
  std::uint64_t batch_bytes() {
    const auto loader = make_loader(base::MemoryBudget::kUnlimited);
    const auto epoch = start(*loader);
    const auto batch = epoch->next(test::kNoInterrupt);
    std::uint64_t bytes = 0;
    for (const batch::TensorBatch& tensor : batch->tensors) bytes += tensor.slab->capacity();
    return bytes;
  }
  /// Of the largest chunk.
  std::uint64_t chunk_bytes() const {
    std::uint64_t most = 0;
    const format::ChunkIndex& index = dataset_.sources[0].index;
    for (std::uint32_t row = 0; row < index.rows(); ++row) {
      most = std::max<std::uint64_t>(most, dataset_.object_of(index.key(row)).size());
    }
    return most;
  }
  /// Chunks take a little more than storage says, for what their headers say of each sample.
  static std::uint64_t within(std::uint64_t limit) { return limit + limit / 20; }
  /// A limit of which batches get as much as `batches` of them take.
  std::uint64_t room_for(std::uint64_t batches) { return (batches * batch_bytes() * 8 + 4) / 5; }

  test::Dataset dataset_ = test::make_dataset(many());
};

TEST_F(LoaderLimit, IsKeptHoweverManyBatchesPrefetchAsksFor) {
  const auto unlimited = make_loader(base::MemoryBudget::kUnlimited);
  const auto in_advance = start(*unlimited);
  EXPECT_TRUE(test::eventually([&] { return unlimited->budget().held() >= 6 * batch_bytes(); }));
  for (const std::uint64_t batches : {2U, 3U, 4U}) {
    const std::uint64_t limit = room_for(batches);
    ASSERT_LT(limit, 7 * batch_bytes()) << "or the limit is none";
    const auto loader = make_loader(limit);
    for (int round = 0; round < 3; ++round) EXPECT_EQ(run(*start(*loader)), 10U);
    EXPECT_LE(loader->budget().peak(), within(limit)) << batches;
    EXPECT_GE(loader->budget().peak(), batches * batch_bytes()) << "what there is, is used";
    EXPECT_EQ(loader->limit_exceeded(), 0U);
  }
}

TEST_F(LoaderLimit, IsExceededForTheBatchThatIsWaitedFor) {
  const auto loader = make_loader(1);
  EXPECT_EQ(run(*start(*loader)), 10U);
  EXPECT_GT(loader->limit_exceeded(), 0U);
  // The consumer's, the one that it waits for, and what that one is decoded from.
  EXPECT_LE(loader->budget().peak(), 2 * batch_bytes() + 6 * chunk_bytes());
}

TEST_F(LoaderLimit, NothingIsBegunBeyondItBeforeSomebodyWaits) {
  const auto loader = make_loader(1);
  const auto epoch = start(*loader);
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_EQ(loader->slabs_allocated(), 0U);
  EXPECT_TRUE(epoch->next(test::kNoInterrupt));
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_EQ(loader->slabs_allocated(), 2U) << "one for each tensor";
}

TEST_F(LoaderLimit, BatchesGoOnAsMemoryComesFree) {
  const std::uint64_t limit = room_for(2);
  const auto loader = make_loader(limit);
  const auto epoch = start(*loader);
  std::optional<batch::Batch> held = epoch->next(test::kNoInterrupt);
  ASSERT_TRUE(test::eventually([&] { return loader->slabs_allocated() == 4; }));
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_EQ(loader->slabs_allocated(), 4U) << "the consumer's and one more";
  const std::uint64_t before = loader->budget().held();
  // The slabs come back to the pool, and are the next batch's though nobody asks for one.
  held.reset();
  ASSERT_TRUE(test::eventually([&] { return loader->stats().decode_ns > 0; }));
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_LE(loader->budget().held(), within(std::max(before, limit)));
  EXPECT_EQ(run(*epoch), 9U);
  EXPECT_EQ(loader->limit_exceeded(), 0U);
}

TEST_F(LoaderLimit, FreeSlabsOfTheWrongSizeMakeRoom) {
  const std::uint64_t limit = room_for(2);
  const auto loader = make_loader(limit, 2);
  // Batches of one sample leave slabs that are too small for those that follow, and the other way round.
  for (int round = 0; round < 3; ++round) {
    for (const std::size_t size : {std::size_t{1}, kBatch}) {
      const auto epoch = loader->start(test::in_order(kSamples), test::batch_ends(kSamples, size));
      EXPECT_EQ(run(*epoch), kSamples / size);
    }
  }
  EXPECT_LE(loader->budget().peak(), within(limit));
}

TEST_F(LoaderLimit, TwoEpochsShareIt) {
  const std::uint64_t limit = room_for(4);
  const auto loader = make_loader(limit, 4);
  const auto one = start(*loader);
  const auto two = start(*loader);
  for (int i = 0; i < 10; ++i) {
    const auto from_one = one->next(test::kNoInterrupt);
    const auto from_two = two->next(test::kNoInterrupt);
    ASSERT_TRUE(from_one && from_two);
    test::expect_sound(dataset_, *from_one);
    test::expect_sound(dataset_, *from_two);
  }
  EXPECT_LE(loader->budget().peak(), limit + 2 * batch_bytes()) << "each waits for one in turn";
}

TEST_F(LoaderLimit, AnEpochThatIsLeftStandsInNobodysWay) {
  const auto loader = make_loader(room_for(2));
  for (int round = 0; round < 5; ++round) {
    auto left = start(*loader);
    left->next(test::kNoInterrupt);
    const auto kept = start(*loader);
    left->close();
    EXPECT_EQ(run(*kept), 10U);
  }
  // What was being decoded for the one that was left is held until that is done.
  EXPECT_LE(loader->budget().peak(), room_for(2) + 3 * batch_bytes());
}

TEST_F(LoaderLimit, ABadBatchDoesNotKeepOthersFromTheirMemory) {
  dataset_.store->fail(dataset_.chunk_of(0, 100), base::ErrorKind::kStorage);
  const auto loader = make_loader(room_for(2));
  const auto epoch = loader->start(test::in_order(kSamples), test::batch_ends(kSamples, kBatch));
  for (int batch = 0; batch < 3; ++batch) EXPECT_TRUE(epoch->next(test::kNoInterrupt));
  EXPECT_THROW(
      {
        while (epoch->next(test::kNoInterrupt)) continue;
      },
      base::Error);
  EXPECT_EQ(run(*loader->start(test::in_order(48), test::batch_ends(48, kBatch))), 2U);
}

TEST_F(LoaderLimit, ClosingEndsWhoWaits) {
  const auto loader = make_loader(1);
  const auto epoch = start(*loader);
  std::this_thread::sleep_for(std::chrono::milliseconds(20));  // batches wait for memory
  epoch->close();
  EXPECT_THROW(epoch->next(test::kNoInterrupt), base::Error);
  loader->stop();
  EXPECT_EQ(loader->slabs_allocated(), 0U);
}

TEST_F(LoaderLimit, CountsTheLatestBatchWhereAnAllocatorKeepsMemory) {
  const std::uint64_t limit = room_for(3);
  const auto loader = make_loader(limit, 6, false);
  const auto epoch = start(*loader);
  {
    const auto batch = epoch->next(test::kNoInterrupt);
    ASSERT_TRUE(batch);
  }
  // The core has let go of its slabs; a consumer of pinned memory has not.
  ASSERT_TRUE(test::eventually([&] { return loader->budget().held() >= 3 * batch_bytes(); }));
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_LE(loader->budget().held(), within(limit));
  EXPECT_EQ(run(*epoch), 9U);
  // For a moment a batch is both the core's and the one that was handed out.
  EXPECT_LE(loader->budget().peak(), limit + batch_bytes());
}

TEST_F(LoaderLimit, ShuffledBatchesHaveTheirChunksOneAtATime) {
  // Each batch needs most of the chunks; six of them would hold all.
  const std::uint64_t of_a_batch = kBatch * chunk_bytes();
  const std::uint64_t limit = std::max(room_for(2), of_a_batch * 8 / 3);
  const auto loader = make_loader(limit);
  for (unsigned seed = 0; seed < 3; ++seed) {
    const auto epoch = loader->start(test::shuffled(kSamples, seed), test::batch_ends(kSamples, kBatch));
    EXPECT_EQ(run(*epoch), 10U);
  }
  EXPECT_LE(loader->budget().peak(), within(limit));
}

TEST_F(LoaderLimit, TheCacheMakesRoomForWhatIsNeeded) {
  const std::uint64_t limit = 8 * kBatch * chunk_bytes();
  const auto loader = make_loader(limit, 2);
  for (unsigned seed = 0; seed < 3; ++seed) {
    const auto epoch = loader->start(test::shuffled(kSamples, seed), test::batch_ends(kSamples, kBatch));
    EXPECT_EQ(run(*epoch), 10U);
  }
  EXPECT_LE(loader->budget().peak(), within(limit));
  EXPECT_GT(loader->stats().cache_hits, loader->stats().cache_misses) << "there is a cache all the same";
}

}  // namespace
}  // namespace penstock::pipeline
