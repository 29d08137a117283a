#include "pipeline/read_policy.h"

#include <gtest/gtest.h>

#include "support/dataset.h"

namespace penstock::pipeline {
namespace {

/// `rows` chunks of `per_chunk` samples and `bytes` bytes each.
TensorSource make_source(const std::string& name, storage::MemoryStore& store, std::int64_t rows,
                         std::int64_t per_chunk, std::size_t bytes) {
  TensorSource source;
  source.format.name = name;
  source.index.folders = {name};
  for (std::int64_t row = 0; row < rows; ++row) {
    source.index.ids.push_back(static_cast<std::uint64_t>(row));
    source.index.last_index.push_back((row + 1) * per_chunk - 1);
    source.index.folder_of.push_back(0);
    store.put(source.index.key(static_cast<std::uint32_t>(row)), test::ByteVector(bytes));
  }
  return source;
}

class ReadPolicyTest : public testing::Test {
 protected:
  /// Which of the chunks are read whole for this order.
  std::vector<bool> whole(const TensorSource& source, const std::vector<std::int64_t>& order, bool fits = false) {
    const ReadPolicy policy({source}, {fits}, order);
    std::vector<bool> rows;
    for (std::uint32_t row = 0; row < source.index.rows(); ++row) rows.push_back(policy.whole(0, row));
    return rows;
  }

  storage::MemoryStore store_;
};

TEST_F(ReadPolicyTest, ChunksVisitedInOneGoAreReadWhole) {
  const TensorSource source = make_source("images", store_, 3, 10, 100);
  EXPECT_EQ(whole(source, test::in_order(30)), (std::vector<bool>{true, true, true}));
}

TEST_F(ReadPolicyTest, ChunksVisitedHereAndThereAreReadSampleBySample) {
  const TensorSource source = make_source("images", store_, 50, 10, 100);
  const std::vector<bool> rows = whole(source, test::shuffled(500, 1));
  EXPECT_EQ(std::count(rows.begin(), rows.end(), true), 0);
}

TEST_F(ReadPolicyTest, AQuarterOfTheSpanIsDenseAndLessIsNot) {
  const TensorSource source = make_source("images", store_, 2, 100, 100);
  // Two visits to the first chunk, the second of them after `gap` visits to the other.
  const auto first_is_whole = [&](std::int64_t gap) {
    std::vector<std::int64_t> order{0};
    for (std::int64_t i = 0; i < gap; ++i) order.push_back(100 + i);
    order.push_back(1);
    return bool{whole(source, order)[0]};
  };
  EXPECT_TRUE(first_is_whole(0));
  EXPECT_TRUE(first_is_whole(6)) << "two of eight";
  EXPECT_FALSE(first_is_whole(7)) << "two of nine";
}

TEST_F(ReadPolicyTest, OfAViewItsRowsAreVisited) {
  TensorSource source = make_source("images", store_, 3, 10, 100);
  source.view = RowMap{29, -1, {}};
  EXPECT_EQ(whole(source, test::in_order(10)), (std::vector<bool>{false, false, true})) << "the last ten, backwards";
  source.view = RowMap{0, 10, {}};
  EXPECT_EQ(whole(source, test::in_order(3)), (std::vector<bool>{false, false, false})) << "one of each chunk";
  source.view = RowMap{0, 1, {12, 3, 11}};
  EXPECT_EQ(whole(source, test::in_order(3)), (std::vector<bool>{false, true, false})) << "rows one by one";
}

TEST_F(ReadPolicyTest, OfASequenceEachItemIsAVisit) {
  TensorSource source = make_source("images", store_, 3, 10, 100);
  // Two sequences of fifteen items: the chunk in the middle belongs to both.
  source.sequences = format::SequenceIndex{{15}, {0}, {1}};
  EXPECT_EQ(whole(source, {0}), (std::vector<bool>{true, true, false}));
  EXPECT_EQ(whole(source, {1}), (std::vector<bool>{false, true, true}));
}

TEST_F(ReadPolicyTest, OneVisitIsNoReasonToReadAWholeChunk) {
  const TensorSource source = make_source("images", store_, 3, 10, 100);
  EXPECT_EQ(whole(source, {15}), (std::vector<bool>{false, false, false}));
  EXPECT_EQ(whole(source, {}), (std::vector<bool>{false, false, false}));
}

TEST_F(ReadPolicyTest, ATensorThatFitsTheCacheIsReadWholeInAnyOrder) {
  const TensorSource source = make_source("images", store_, 3, 10, 100);
  EXPECT_EQ(whole(source, test::shuffled(30, 1), true), (std::vector<bool>{true, true, true}));
}

TEST_F(ReadPolicyTest, CompressedChunksCanOnlyBeReadWhole) {
  TensorSource source = make_source("images", store_, 50, 10, 100);
  source.format.chunk_compression = format::Compression::kLz4;
  EXPECT_EQ(whole(source, test::shuffled(500, 1)), std::vector<bool>(50, true));
}

class FitTest : public ReadPolicyTest {};

TEST_F(FitTest, TheSmallestTensorsGetTheBudgetFirst) {
  const std::vector<TensorSource> sources{make_source("large", store_, 10, 10, 1000),
                                          make_source("small", store_, 1, 100, 100),
                                          make_source("middle", store_, 5, 20, 100)};
  EXPECT_EQ(tensors_that_fit(sources, store_, 99), (std::vector<bool>{false, false, false}));
  EXPECT_EQ(tensors_that_fit(sources, store_, 100), (std::vector<bool>{false, true, false}));
  EXPECT_EQ(tensors_that_fit(sources, store_, 599), (std::vector<bool>{false, true, false}));
  EXPECT_EQ(tensors_that_fit(sources, store_, 600), (std::vector<bool>{false, true, true}));
  EXPECT_EQ(tensors_that_fit(sources, store_, 10'599), (std::vector<bool>{false, true, true}));
  EXPECT_EQ(tensors_that_fit(sources, store_, 10'600), (std::vector<bool>{true, true, true}));
}

TEST_F(FitTest, AChunkThatIsMissingIsNoErrorYet) {
  TensorSource source = make_source("images", store_, 3, 10, 100);
  source.index.ids[1] = 0xDEAD;
  EXPECT_EQ(tensors_that_fit({source}, store_, 200), std::vector<bool>{true});
}

}  // namespace
}  // namespace penstock::pipeline
