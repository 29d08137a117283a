#include "pipeline/loader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <tuple>

#include "pipeline/epoch.h"
#include "support/dataset.h"

namespace penstock::pipeline {
namespace {

using Batches = std::vector<std::vector<std::int64_t>>;

/// The plan, cut into batches.
Batches cut(const std::vector<std::int64_t>& order, const std::vector<std::size_t>& ends) {
  Batches batches;
  std::size_t begin = 0;
  for (const std::size_t end : ends) {
    batches.emplace_back(order.begin() + static_cast<std::ptrdiff_t>(begin),
                         order.begin() + static_cast<std::ptrdiff_t>(end));
    begin = end;
  }
  return batches;
}

/// Decode threads, prefetched batches.
class LoaderWithThreads : public testing::TestWithParam<std::tuple<unsigned, unsigned>> {
 protected:
  LoaderOptions options() const {
    LoaderOptions options;
    options.threads = std::get<0>(GetParam());
    options.reader_threads = 1 + options.threads / 2;
    options.prefetch = std::get<1>(GetParam());
    return options;
  }
};

TEST_P(LoaderWithThreads, DeliversThePlansBatchesInOrderAndWhole) {
  const test::Dataset dataset = test::make_dataset();
  const auto loader = test::make_loader(dataset, options());
  const auto order = test::shuffled(dataset.samples(), 3);
  for (const std::size_t batch_size : {1U, 3U, 8U, 40U}) {
    const auto ends = test::batch_ends(order.size(), batch_size);
    const auto epoch = loader->start(order, ends);
    EXPECT_EQ(test::run_epoch(dataset, *epoch), cut(order, ends));
    EXPECT_EQ(epoch->next(test::kNoInterrupt), std::nullopt) << "an epoch that is over stays over";
  }
}

TEST_P(LoaderWithThreads, StacksSamplesOfOneShape) {
  test::DatasetOptions of_one_shape;
  of_one_shape.equal_sizes = true;
  const test::Dataset dataset = test::make_dataset(of_one_shape);
  const auto loader = test::make_loader(dataset, options());
  const auto order = test::shuffled(dataset.samples(), 4);
  const auto epoch = loader->start(order, test::batch_ends(order.size(), 6));
  while (const auto batch = epoch->next(test::kNoInterrupt)) {
    test::expect_sound(dataset, *batch);
    for (const batch::TensorBatch& tensor : batch->tensors) EXPECT_TRUE(tensor.stacked);
    const std::size_t image_bytes = 12 * 16 * 3;
    for (std::size_t i = 0; i < batch->indices.size(); ++i) EXPECT_EQ(batch->tensors[0].offsets[i], i * image_bytes);
  }
}

INSTANTIATE_TEST_SUITE_P(All, LoaderWithThreads,
                         testing::Combine(testing::Values(1U, 2U, 4U, 8U), testing::Values(1U, 2U, 3U, 4U)));

TEST(Loader, SamplesOfUnequalShapeAreNotStacked) {
  const test::Dataset dataset = test::make_dataset();
  const auto loader = test::make_loader(dataset);
  const auto epoch = loader->start({0, 1, 2}, {3});
  EXPECT_FALSE(epoch->next(test::kNoInterrupt)->tensors[0].stacked);
}

/// A cache for nothing, for some chunks, for everything: chunks are read again, sample by sample, or once.
TEST(Loader, HowChunksAreReadDoesNotShowInTheBatches) {
  test::DatasetOptions compressed;
  compressed.lz4_boxes = true;
  compressed.color = decode::Color::kBgr;
  for (const test::Dataset& dataset : {test::make_dataset(), test::make_dataset(compressed)}) {
    for (const std::uint64_t cache_bytes : {std::uint64_t{0}, std::uint64_t{3000}, std::uint64_t{1} << 30}) {
      LoaderOptions options;
      options.cache_bytes = cache_bytes;
      const auto loader = test::make_loader(dataset, options);
      for (const auto& order : {test::in_order(dataset.samples()), test::shuffled(dataset.samples(), 5)}) {
        const auto ends = test::batch_ends(order.size(), 8);
        EXPECT_EQ(test::run_epoch(dataset, *loader->start(order, ends)), cut(order, ends));
      }
    }
  }
}

TEST(Loader, ReadsEachChunkOnceWhereTheCacheHasRoom) {
  const test::Dataset dataset = test::make_dataset();
  const auto loader = test::make_loader(dataset);
  for (unsigned seed = 0; seed < 3; ++seed) {
    test::run_epoch(dataset, *loader->start(test::shuffled(dataset.samples(), seed), test::batch_ends(40, 4)));
  }
  EXPECT_EQ(loader->stats().chunks_read, dataset.sources[0].index.rows() + dataset.sources[1].index.rows());
  EXPECT_EQ(dataset.store->reads(), loader->stats().reads);
}

TEST(Loader, AnUnshuffledEpochReadsEachChunkOnceWithoutRoomForMoreThanTwo) {
  test::DatasetOptions many;
  many.samples = 200;
  const test::Dataset dataset = test::make_dataset(many);
  LoaderOptions options;
  options.prefetch = 1;
  options.reader_threads = 1;
  options.cache_bytes = 20'000;
  const auto loader = test::make_loader(dataset, options);
  test::run_epoch(dataset, *loader->start(test::in_order(200), test::batch_ends(200, 4)));
  for (std::int64_t sample = 0; sample < 200; ++sample) {
    EXPECT_EQ(dataset.store->reads(dataset.chunk_of(0, sample)), 1U) << dataset.chunk_of(0, sample);
  }
}

TEST(Loader, TakesAnyPlan) {
  const test::Dataset dataset = test::make_dataset();
  const auto loader = test::make_loader(dataset);
  const auto run = [&](const std::vector<std::int64_t>& order, const std::vector<std::size_t>& ends) {
    const auto batches = test::run_epoch(dataset, *loader->start(order, ends));
    EXPECT_EQ(batches, cut(order, ends));
  };
  run({}, {});
  run({39}, {1});
  run({5, 5, 5, 5}, {2, 4});
  run({0, 39, 1, 38, 2}, {1, 4, 5});
}

TEST(Loader, SeveralEpochsMayRunAtOnce) {
  const test::Dataset dataset = test::make_dataset();
  const auto loader = test::make_loader(dataset);
  const auto one = loader->start(test::in_order(40), test::batch_ends(40, 4));
  const auto two = loader->start(test::shuffled(40, 1), test::batch_ends(40, 4));
  std::vector<std::int64_t> seen_one;
  std::vector<std::int64_t> seen_two;
  for (int i = 0; i < 10; ++i) {
    const auto from_one = one->next(test::kNoInterrupt);
    const auto from_two = two->next(test::kNoInterrupt);
    test::expect_sound(dataset, *from_one);
    test::expect_sound(dataset, *from_two);
    seen_one.insert(seen_one.end(), from_one->indices.begin(), from_one->indices.end());
    seen_two.insert(seen_two.end(), from_two->indices.begin(), from_two->indices.end());
  }
  EXPECT_EQ(seen_one, test::in_order(40));
  EXPECT_EQ(seen_two, test::shuffled(40, 1));
}

TEST(Loader, CountsWhatItDelivered) {
  const test::Dataset dataset = test::make_dataset();
  const auto loader = test::make_loader(dataset);
  test::run_epoch(dataset, *loader->start(test::in_order(40), test::batch_ends(40, 7)));
  EXPECT_EQ(loader->stats().samples, 40U);
  EXPECT_EQ(loader->stats().batches, 6U);
  EXPECT_GT(loader->stats().decode_ns, 0U);
  EXPECT_GT(loader->stats().fetch_ns, 0U);
}

}  // namespace
}  // namespace penstock::pipeline
