#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "format/chunk_header.h"
#include "support/expect_error.h"

namespace penstock::format {
namespace {

TEST(RunLengthTable, AgreesWithTheNaiveExpansionOnRandomTables) {
  std::mt19937 generator(1);
  for (int round = 0; round < 200; ++round) {
    const std::size_t columns = 1 + generator() % 4;
    const std::size_t rows = generator() % 12;
    std::vector<std::uint32_t> values;
    std::vector<std::size_t> row_of_sample;  // the naive expansion
    for (std::size_t row = 0; row < rows; ++row) {
      for (std::size_t column = 0; column + 1 < columns; ++column) {
        values.push_back(static_cast<std::uint32_t>(generator() % 100));
      }
      row_of_sample.insert(row_of_sample.end(), 1 + generator() % 7, row);
      values.push_back(static_cast<std::uint32_t>(row_of_sample.size() - 1));
    }
    const RunLengthTable table(values, columns, "test");
    ASSERT_EQ(table.samples(), row_of_sample.size());
    ASSERT_EQ(table.empty(), rows == 0);
    for (std::size_t sample = 0; sample < row_of_sample.size(); ++sample) {
      const std::size_t row = row_of_sample[sample];
      ASSERT_EQ(table.row_of(sample), row);
      ASSERT_LE(table.first_of(row), sample);
      ASSERT_TRUE(table.first_of(row) == 0 || row_of_sample[table.first_of(row) - 1] == row - 1);
      for (std::size_t column = 0; column < columns; ++column) {
        ASSERT_EQ(table.at(row, column), values[row * columns + column]);
      }
    }
    EXPECT_EQ(table.row_of(row_of_sample.size()), std::nullopt);
    EXPECT_EQ(table.row_of(~std::uint64_t{0}), std::nullopt);
  }
}

TEST(RunLengthTable, AnEmptyTableCoversNothing) {
  for (const RunLengthTable& table : {RunLengthTable(), RunLengthTable({}, 3, "test")}) {
    EXPECT_TRUE(table.empty());
    EXPECT_EQ(table.samples(), 0U);
    EXPECT_EQ(table.row_of(0), std::nullopt);
  }
}

TEST(RunLengthTable, TakesTheLargestIndexThereIs) {
  const RunLengthTable table({7, 0xFFFFFFFF}, 2, "test");
  EXPECT_EQ(table.samples(), std::uint64_t{1} << 32);
  EXPECT_EQ(table.row_of(0xFFFFFFFF), 0U);
  EXPECT_EQ(table.row_of(std::uint64_t{1} << 32), std::nullopt);
}

TEST(RunLengthTable, RefusesToGoBackwardsAndSaysWhich) {
  const base::Error error = test::error_of([] { RunLengthTable({1, 5, 2, 9, 3, 8}, 2, "byte position"); });
  EXPECT_EQ(error.kind(), base::ErrorKind::kChunkFormat);
  EXPECT_NE(error.cause().find("byte position"), std::string::npos);
  EXPECT_NE(error.cause().find("row 2"), std::string::npos) << error.cause();
}

}  // namespace
}  // namespace penstock::format
