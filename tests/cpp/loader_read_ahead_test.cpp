#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <thread>
#include <vector>

#include "pipeline/epoch.h"
#include "pipeline/loader.h"
#include "support/dataset.h"
#include "support/threads.h"

namespace penstock::pipeline {
namespace {

constexpr std::size_t kImages = 0;

class ReadAhead : public testing::Test {
 protected:
  static test::DatasetOptions many() {
    test::DatasetOptions options;
    options.samples = 140;
    options.images_per_chunk = 7;
    options.boxes_per_chunk = 140;
    return options;
  }

  std::vector<std::string> image_chunks() const {
    std::vector<std::string> keys;
    const format::ChunkIndex& index = dataset_.sources[kImages].index;
    for (std::uint32_t row = 0; row < index.rows(); ++row) keys.push_back(index.key(row));
    return keys;
  }
  std::size_t chunks_read() const {
    const std::vector<std::string> keys = image_chunks();
    return static_cast<std::size_t>(std::count_if(
        keys.begin(), keys.end(), [this](const std::string& key) { return dataset_.store->reads(key) > 0; }));
  }
  std::uint64_t chunk_bytes() const { return dataset_.object_of(image_chunks()[0]).size(); }

  std::shared_ptr<Epoch> start(const std::vector<std::int64_t>& order, std::size_t batch_size = 1) {
    return loader_->start(order, test::batch_ends(order.size(), batch_size));
  }

  test::Dataset dataset_ = test::make_dataset(many());
  std::unique_ptr<Loader> loader_;
};

/// The order that draws from `window` chunks at a time: first one sample of each, then the next of each, ...
std::vector<std::int64_t> by_windows(std::int64_t samples, std::int64_t per_chunk, std::int64_t window) {
  std::vector<std::int64_t> order;
  for (std::int64_t first = 0; first < samples; first += window * per_chunk) {
    for (std::int64_t local = 0; local < per_chunk; ++local) {
      for (std::int64_t chunk = 0; chunk < window; ++chunk) order.push_back(first + chunk * per_chunk + local);
    }
  }
  return order;
}

TEST_F(ReadAhead, GoesOnBeyondPrefetchAsFarAsItsBudgetReaches) {
  // The cache takes the boxes and two chunks of images; the schedule makes whole ones of all in this order.
  LoaderOptions options;
  options.prefetch = 1;
  options.cache_bytes = 4 * chunk_bytes();
  options.read_ahead_bytes = 6 * chunk_bytes();
  loader_ = test::make_loader(dataset_, options);
  const auto epoch = start(test::in_order(140));
  EXPECT_TRUE(test::eventually([&] { return chunks_read() >= 5; })) << "of batches that nobody asks for yet";
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_LE(chunks_read(), 9U) << "chunks differ in size by less than half";
  EXPECT_EQ(test::run_epoch(dataset_, *epoch).size(), 140U);
  EXPECT_EQ(chunks_read(), 20U);
}

TEST_F(ReadAhead, WithoutABudgetIsLeftToPrefetch) {
  LoaderOptions options;
  options.prefetch = 1;
  options.cache_bytes = 4 * chunk_bytes();
  options.read_ahead_bytes = 0;
  loader_ = test::make_loader(dataset_, options);
  const auto epoch = start(test::in_order(140));
  EXPECT_TRUE(test::eventually([&] { return chunks_read() == 1; }));
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_EQ(chunks_read(), 1U);
  EXPECT_EQ(test::run_epoch(dataset_, *epoch).size(), 140U);
}

TEST_F(ReadAhead, ReadsEachChunkOfAWindowOnceHoweverSmallTheBudgets) {
  const std::vector<std::int64_t> order = by_windows(140, 7, 5);
  for (const std::uint64_t ahead : {std::uint64_t{0}, 2 * chunk_bytes(), std::uint64_t{1} << 30}) {
    for (const unsigned prefetch : {1U, 3U}) {
      dataset_ = test::make_dataset(many());
      LoaderOptions options;
      options.prefetch = prefetch;
      // Room for a window of open chunks and the boxes, and for no more.
      options.cache_bytes = 8 * chunk_bytes();
      options.read_ahead_bytes = ahead;
      loader_ = test::make_loader(dataset_, options);
      std::vector<std::int64_t> seen;
      for (const std::vector<std::int64_t>& batch : test::run_epoch(dataset_, *start(order, 4))) {
        seen.insert(seen.end(), batch.begin(), batch.end());
      }
      EXPECT_EQ(seen, order);
      for (const std::string& key : image_chunks()) EXPECT_EQ(dataset_.store->reads(key), 1U) << key;
    }
  }
}

TEST_F(ReadAhead, ABadChunkAheadIsAnErrorInItsTurn) {
  LoaderOptions options;
  options.prefetch = 1;
  options.read_ahead_bytes = std::uint64_t{1} << 30;
  loader_ = test::make_loader(dataset_, options);
  dataset_.store->fail(dataset_.chunk_of(kImages, 20), base::ErrorKind::kStorage);
  const auto epoch = start(test::in_order(140));
  EXPECT_TRUE(test::eventually([&] { return chunks_read() == 20; }));
  for (std::int64_t sample = 0; sample < 14; ++sample) {
    EXPECT_EQ(epoch->next(test::kNoInterrupt)->indices, std::vector<std::int64_t>{sample});
  }
  try {
    epoch->next(test::kNoInterrupt);
    FAIL();
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::kStorage);
    EXPECT_EQ(error.sample(), 14);
    EXPECT_EQ(error.chunk(), dataset_.chunk_of(kImages, 14));
  }
}

TEST_F(ReadAhead, OfAnEpochThatIsLeftIsNotReadOn) {
  LoaderOptions options;
  options.read_ahead_bytes = std::uint64_t{1} << 30;
  loader_ = test::make_loader(dataset_, options);
  dataset_.store->slow_down(std::chrono::milliseconds(5));
  const auto epoch = start(test::in_order(140));
  dataset_.store->await_read(dataset_.chunk_of(kImages, 0));
  epoch->close();
  EXPECT_EQ(test::run_epoch(dataset_, *start({139})).size(), 1U);
  EXPECT_LT(chunks_read(), 8U);
}

TEST_F(ReadAhead, AnEpochGetsWhatAnotherThatWasLeftHadAskedFor) {
  for (int round = 0; round < 20; ++round) {
    dataset_ = test::make_dataset(many());
    LoaderOptions options;
    options.read_ahead_bytes = std::uint64_t{1} << 30;
    loader_ = test::make_loader(dataset_, options);
    dataset_.store->slow_down(std::chrono::milliseconds(round % 3));
    const auto left = start(test::shuffled(140, 1), 8);
    const auto kept = start(test::shuffled(140, 2), 8);
    if (round % 2 == 0) left->next(test::kNoInterrupt);
    std::thread closer([&] { left->close(); });
    EXPECT_EQ(test::run_epoch(dataset_, *kept).size(), 18U);
    closer.join();
  }
}

}  // namespace
}  // namespace penstock::pipeline
