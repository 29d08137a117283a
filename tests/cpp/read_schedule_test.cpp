#include "pipeline/read_schedule.h"

#include <gtest/gtest.h>

#include "support/dataset.h"
#include "support/opened.h"

namespace penstock::pipeline {
namespace {

/// `rows` chunks of `per_chunk` samples and `bytes` bytes each.
TensorSource make_source(const std::string& name, storage::MemoryFiles& files, std::int64_t rows,
                         std::int64_t per_chunk, std::size_t bytes) {
  TensorSource source;
  source.format.name = name;
  source.index.folders = {name};
  for (std::int64_t row = 0; row < rows; ++row) {
    source.index.ids.push_back(static_cast<std::uint64_t>(row));
    source.index.last_index.push_back((row + 1) * per_chunk - 1);
    source.index.folder_of.push_back(0);
    files.put(source.index.key(static_cast<std::uint32_t>(row)), test::ByteVector(bytes));
  }
  return source;
}

class ReadScheduleTest : public testing::Test {
 protected:
  ReadSchedule make(const std::vector<TensorSource>& sources, const std::vector<std::int64_t>& order,
                    std::uint64_t budget, std::uint64_t worth, std::size_t batch_size = 4) {
    const ChunkSizes sizes(sources, *test::opened(files_), budget);
    return {sources, sizes, worth, order, test::batch_ends(order.size(), batch_size)};
  }

  /// Which of the chunks are read whole for this order. With room for none, chunks are read whole by their density.
  std::vector<bool> whole(const TensorSource& source, const std::vector<std::int64_t>& order, std::uint64_t budget = 0,
                          std::uint64_t worth = 0) {
    const ReadSchedule schedule = make({source}, order, budget, worth);
    std::vector<bool> rows;
    for (std::uint32_t row = 0; row < source.index.rows(); ++row) rows.push_back(schedule.whole(0, row));
    return rows;
  }

  static bool held(const ReadSchedule& schedule, std::uint32_t row) { return schedule.uses(0, row) > 0; }

  std::shared_ptr<storage::MemoryFiles> files_ = std::make_shared<storage::MemoryFiles>();
};

TEST_F(ReadScheduleTest, ChunksVisitedInOneGoAreReadWhole) {
  const TensorSource source = make_source("images", *files_, 3, 10, 100);
  EXPECT_EQ(whole(source, test::in_order(30)), (std::vector<bool>{true, true, true}));
}

TEST_F(ReadScheduleTest, ChunksVisitedHereAndThereAreReadSampleBySample) {
  const TensorSource source = make_source("images", *files_, 50, 10, 100);
  const std::vector<bool> rows = whole(source, test::shuffled(500, 1));
  EXPECT_EQ(std::count(rows.begin(), rows.end(), true), 0);
}

TEST_F(ReadScheduleTest, AQuarterOfTheSpanIsDenseAndLessIsNot) {
  const TensorSource source = make_source("images", *files_, 2, 100, 100);
  // Two visits to the first chunk, the second of them after `gap` visits to the other.
  const auto first_is_whole = [&](std::int64_t gap) {
    std::vector<std::int64_t> order{0};
    for (std::int64_t i = 0; i < gap; ++i) order.push_back(100 + i);
    order.push_back(1);
    return bool{whole(source, order, 0, 40)[0]};
  };
  EXPECT_TRUE(first_is_whole(0));
  EXPECT_TRUE(first_is_whole(6)) << "two of eight";
  EXPECT_FALSE(first_is_whole(7)) << "two of nine";
}

TEST_F(ReadScheduleTest, OfAViewItsRowsAreVisited) {
  TensorSource source = make_source("images", *files_, 3, 10, 100);
  source.view = RowMap{29, -1, {}};
  EXPECT_EQ(whole(source, test::in_order(10)), (std::vector<bool>{false, false, true})) << "the last ten, backwards";
  source.view = RowMap{0, 10, {}};
  EXPECT_EQ(whole(source, test::in_order(3), 0, 30), (std::vector<bool>{false, false, false})) << "one of each chunk";
  source.view = RowMap{0, 1, {12, 3, 11}};
  EXPECT_EQ(whole(source, test::in_order(3), 0, 30), (std::vector<bool>{false, true, false})) << "rows one by one";
}

TEST_F(ReadScheduleTest, OfASequenceEachItemIsAVisit) {
  TensorSource source = make_source("images", *files_, 3, 10, 100);
  // Two sequences of fifteen items: the chunk in the middle belongs to both.
  source.sequences = format::SequenceIndex{{15}, {0}, {1}};
  EXPECT_EQ(whole(source, {0}, 0, 30), (std::vector<bool>{true, true, false}));
  EXPECT_EQ(whole(source, {1}, 0, 30), (std::vector<bool>{false, true, true}));
}

TEST_F(ReadScheduleTest, OneVisitIsNoReasonToReadAWholeChunk) {
  const TensorSource source = make_source("images", *files_, 3, 10, 100);
  EXPECT_EQ(whole(source, {15}), (std::vector<bool>{false, false, false}));
  EXPECT_EQ(whole(source, {}), (std::vector<bool>{false, false, false}));
}

TEST_F(ReadScheduleTest, ATensorThatFitsTheCacheIsReadWholeInAnyOrder) {
  const TensorSource source = make_source("images", *files_, 3, 10, 100);
  EXPECT_EQ(whole(source, test::shuffled(30, 1), 300), (std::vector<bool>{true, true, true}));
}

TEST_F(ReadScheduleTest, CompressedChunksCanOnlyBeReadWhole) {
  TensorSource source = make_source("images", *files_, 50, 10, 100);
  source.format.chunk_compression = format::Compression::kLz4;
  EXPECT_EQ(whole(source, test::shuffled(500, 1)), std::vector<bool>(50, true));
}

TEST_F(ReadScheduleTest, AChunkIsWorthReadingWholeByItsBytesAndByRequests) {
  // Samples of ten bytes: five visits and the header's are 50 bytes and six requests.
  const TensorSource source = make_source("images", *files_, 2, 10, 100);
  const std::vector<std::int64_t> order{0, 1, 2, 3, 4, 10};
  EXPECT_EQ(whole(source, order, 150, 0), (std::vector<bool>{false, false}));
  EXPECT_EQ(whole(source, order, 150, 8), (std::vector<bool>{false, false})) << "98 bytes' worth";
  EXPECT_EQ(whole(source, order, 150, 9), (std::vector<bool>{true, false})) << "104";
}

TEST_F(ReadScheduleTest, AChunkNoLargerThanARequestIsWorthIsReadWhole) {
  const TensorSource source = make_source("images", *files_, 50, 10, 100);
  EXPECT_EQ(whole(source, test::shuffled(500, 1), 0, 99), std::vector<bool>(50, false));
  EXPECT_EQ(whole(source, test::shuffled(500, 1), 0, 100), std::vector<bool>(50, true));
}

TEST_F(ReadScheduleTest, ChunksAreHeldFromTheirFirstUseToTheirLastWhereThatFits) {
  const TensorSource source = make_source("images", *files_, 4, 4, 100);
  // Two chunks at a time.
  const std::vector<std::int64_t> order{0, 4, 1, 5, 2, 6, 3, 7, 8, 12, 9, 13, 10, 14, 11, 15};
  const ReadSchedule fits = make({source}, order, 399, 0);
  for (std::uint32_t row = 0; row < 4; ++row) EXPECT_EQ(fits.uses(0, row), 2U) << "batches of four, two of each chunk";
  const ReadSchedule tight = make({source}, order, 199, 0);
  for (std::uint32_t row = 0; row < 4; ++row) {
    EXPECT_FALSE(held(tight, row));
    EXPECT_TRUE(tight.whole(0, row)) << "they are dense all the same";
  }
}

TEST_F(ReadScheduleTest, TensorsThatFitAreForTheCacheToHold) {
  const TensorSource source = make_source("images", *files_, 4, 4, 100);
  const ReadSchedule schedule = make({source}, test::in_order(16), 400, 0);
  for (std::uint32_t row = 0; row < 4; ++row) EXPECT_FALSE(held(schedule, row));
}

TEST_F(ReadScheduleTest, CompressedChunksThatAreOpenAllOverTheEpochAreNotHeld) {
  TensorSource source = make_source("images", *files_, 50, 10, 100);
  source.format.chunk_compression = format::Compression::kLz4;
  EXPECT_FALSE(held(make({source}, test::shuffled(500, 1), 1000, 0), 0));
  EXPECT_TRUE(held(make({source}, test::in_order(500), 1000, 0), 0));
}

TEST_F(ReadScheduleTest, SaysWhichBatchIsTheFirstToNeedAChunk) {
  const TensorSource source = make_source("images", *files_, 3, 4, 100);
  const ReadSchedule schedule = make({source}, test::in_order(12), 299, 0, 3);
  const std::vector<std::uint64_t> expected{100, 100, 100, 0};
  for (std::size_t batch = 0; batch < 4; ++batch) EXPECT_EQ(schedule.first_needed_by(batch), expected[batch]) << batch;
}

TEST_F(ReadScheduleTest, SamplesThatAreReadOneByOneCountInTheirBatches) {
  const TensorSource source = make_source("images", *files_, 50, 10, 100);
  const ReadSchedule schedule = make({source}, test::shuffled(500, 1), 0, 0, 4);
  for (std::size_t batch = 0; batch < 125; ++batch) EXPECT_EQ(schedule.first_needed_by(batch), 40U);
}

class FitTest : public ReadScheduleTest {
 protected:
  std::vector<bool> fits(const std::vector<TensorSource>& sources, std::uint64_t budget) {
    const ChunkSizes sizes(sources, *test::opened(files_), budget);
    std::vector<bool> result;
    for (std::size_t tensor = 0; tensor < sources.size(); ++tensor) result.push_back(sizes.fits(tensor));
    return result;
  }
};

TEST_F(FitTest, TheSmallestTensorsGetTheBudgetFirst) {
  const std::vector<TensorSource> sources{make_source("large", *files_, 10, 10, 1000),
                                          make_source("small", *files_, 1, 100, 100),
                                          make_source("middle", *files_, 5, 20, 100)};
  EXPECT_EQ(fits(sources, 99), (std::vector<bool>{false, false, false}));
  EXPECT_EQ(fits(sources, 100), (std::vector<bool>{false, true, false}));
  EXPECT_EQ(fits(sources, 599), (std::vector<bool>{false, true, false}));
  EXPECT_EQ(fits(sources, 600), (std::vector<bool>{false, true, true}));
  EXPECT_EQ(fits(sources, 10'599), (std::vector<bool>{false, true, true}));
  EXPECT_EQ(fits(sources, 10'600), (std::vector<bool>{true, true, true}));
}

TEST_F(FitTest, AChunkThatIsMissingIsNoErrorYet) {
  TensorSource source = make_source("images", *files_, 3, 10, 100);
  source.index.ids[1] = 0xDEAD;
  EXPECT_EQ(fits({source}, 200), std::vector<bool>{true});
}

TEST_F(FitTest, WhereStorageTellsNoSizesChunksCountAsLarge) {
  TensorSource source = make_source("images", *files_, 3, 10, 100);
  source.index.folders = {"elsewhere"};
  EXPECT_EQ(fits({source}, (std::uint64_t{24} << 20) - 1), std::vector<bool>{false});
  EXPECT_EQ(fits({source}, std::uint64_t{24} << 20), std::vector<bool>{true});
}

}  // namespace
}  // namespace penstock::pipeline
