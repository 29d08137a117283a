#include "format/chunk_index.h"

#include <gtest/gtest.h>

namespace penstock::format {
namespace {

const ChunkIndex kIndex{
    {0xA, 0xFFFFFFFFFFFFFFFF, 0x10}, {2, 3, 9}, {0, 1, 0}, {"images/chunks", "versions/c/images/chunks"}};

TEST(ChunkIndex, LocatesEverySample) {
  EXPECT_EQ(kIndex.samples(), 10);
  EXPECT_EQ(kIndex.rows(), 3U);
  const std::uint32_t rows[] = {0, 0, 0, 1, 2, 2, 2, 2, 2, 2};
  const std::uint64_t local[] = {0, 1, 2, 0, 0, 1, 2, 3, 4, 5};
  for (std::int64_t sample = 0; sample < 10; ++sample) {
    EXPECT_EQ(kIndex.locate(sample).row, rows[sample]) << sample;
    EXPECT_EQ(kIndex.locate(sample).local_index, local[sample]) << sample;
  }
}

TEST(ChunkIndex, NamesChunksByTheirHexadecimalIdInTheirCommitsFolder) {
  EXPECT_EQ(kIndex.key(0), "images/chunks/a");
  EXPECT_EQ(kIndex.key(1), "versions/c/images/chunks/ffffffffffffffff");
  EXPECT_EQ(kIndex.key(2), "images/chunks/10");
}

TEST(ChunkIndex, MayBeEmpty) {
  const ChunkIndex empty;
  EXPECT_EQ(empty.samples(), 0);
  EXPECT_EQ(empty.rows(), 0U);
}

}  // namespace
}  // namespace penstock::format
