#include <gtest/gtest.h>

#include "pipeline/epoch.h"
#include "pipeline/loader.h"
#include "pipeline/slots.h"
#include "support/dataset.h"
#include "support/expect_error.h"

namespace penstock::pipeline {
namespace {

constexpr std::size_t kBoxes = 1;

/// The boxes of a dataset of 40 samples as sequences: five of three items, two of none, five of five.
test::Dataset boxes_in_sequences(bool equal_sizes) {
  test::Dataset dataset = test::make_dataset({.equal_sizes = equal_sizes});
  dataset.sources[kBoxes].sequences = format::SequenceIndex{{3, 0, 5}, {0, 0, 15}, {4, 6, 11}};
  return dataset;
}

TEST(SequenceIndex, NamesTheItemsOfEachSequence) {
  const test::Dataset dataset = boxes_in_sequences(false);
  const std::int64_t begins[] = {0, 3, 6, 9, 12, 0, 0, 15, 20, 25, 30, 35};
  const std::int64_t lengths[] = {3, 3, 3, 3, 3, 0, 0, 5, 5, 5, 5, 5};
  for (std::int64_t sequence = 0; sequence < 12; ++sequence) {
    const auto [begin, end] = dataset.sources[kBoxes].items_of(sequence);
    EXPECT_EQ(begin, begins[sequence]) << sequence;
    EXPECT_EQ(end - begin, lengths[sequence]) << sequence;
  }
}

TEST(Slots, KeepTheOrderOfTheBatch) {
  const test::Dataset dataset = boxes_in_sequences(false);
  const std::vector<std::int64_t> indices{7, 5, 0, 6};
  const Slots slots = Slots::of(dataset.sources[kBoxes], indices);
  EXPECT_EQ(slots.items, (std::vector<std::int64_t>{15, 16, 17, 18, 19, 0, 1, 2}));
  EXPECT_EQ(slots.ends, (std::vector<std::size_t>{5, 5, 8, 8}));
  EXPECT_EQ(slots.read_of(4), 0U);
  EXPECT_EQ(slots.read_of(5), 2U);
}

TEST(Sequences, BatchesHoldTheItemsOfTheirSamples) {
  for (const bool equal_sizes : {false, true}) {
    const test::Dataset dataset = boxes_in_sequences(equal_sizes);
    const auto loader = test::make_loader(dataset);
    const std::vector<std::int64_t> order{7, 5, 0, 6, 11, 1, 6, 5, 2, 3, 8};
    const auto epoch = loader->start(order, {4, 6, 8, 11});
    std::size_t batches = 0;
    while (const auto batch = epoch->next(test::kNoInterrupt)) {
      const Slots slots = Slots::of(dataset.sources[kBoxes], batch->indices);
      const auto found = test::arrays_of(*batch, kBoxes, dataset.sources[kBoxes].format.item_size);
      ASSERT_EQ(found.size(), slots.items.size());
      for (std::size_t slot = 0; slot < found.size(); ++slot) {
        const test::Array& expected = dataset.expected[kBoxes][static_cast<std::size_t>(slots.items[slot])];
        EXPECT_EQ(found[slot].shape, expected.shape);
        EXPECT_EQ(found[slot].bytes, expected.bytes);
      }
      ++batches;
    }
    EXPECT_EQ(batches, 4U);
  }
}

TEST(Sequences, ABadItemIsNamedByItsSequence) {
  test::Dataset dataset = boxes_in_sequences(false);
  dataset.store->fail(dataset.chunk_of(kBoxes, 33), base::ErrorKind::kStorage);
  const auto loader = test::make_loader(dataset);
  const auto epoch = loader->start({0, 1, 10, 2}, {1, 2, 3, 4});
  EXPECT_TRUE(epoch->next(test::kNoInterrupt));
  EXPECT_TRUE(epoch->next(test::kNoInterrupt));
  const base::Error error = test::error_of([&] { epoch->next(test::kNoInterrupt); });
  EXPECT_EQ(error.sample(), 10);
  EXPECT_EQ(error.chunk(), dataset.chunk_of(kBoxes, 33));
}

TEST(Sequences, ALoaderMayHaveNoTensors) {
  test::Dataset dataset = test::make_dataset();
  dataset.sources.clear();
  const auto loader = test::make_loader(dataset);
  const auto epoch = loader->start({3, 1, 2}, {2, 3});
  EXPECT_EQ(epoch->next(test::kNoInterrupt)->indices, (std::vector<std::int64_t>{3, 1}));
  EXPECT_EQ(epoch->next(test::kNoInterrupt)->indices, (std::vector<std::int64_t>{2}));
  EXPECT_FALSE(epoch->next(test::kNoInterrupt));
}

}  // namespace
}  // namespace penstock::pipeline
