#include "format/chunk_header.h"

#include <gtest/gtest.h>

#include <random>

#include "support/bytes.h"
#include "support/chunk_builder.h"
#include "support/expect_error.h"

namespace penstock::format {
namespace {

using test::ByteVector;
using test::ChunkBuilder;

ChunkHeader parse(const ByteVector& chunk) { return parse_chunk_header(chunk, chunk.size()); }

base::ErrorKind kind_of_parse(const ByteVector& chunk) {
  return test::kind_of([&] { parse(chunk); });
}

ChunkBuilder three_images() {
  ChunkBuilder builder;
  builder.add({4, 6, 3}, test::random_bytes(31, 1));
  builder.add({4, 6, 3}, test::random_bytes(31, 2));
  builder.add({5, 7, 3}, test::random_bytes(44, 3));
  return builder;
}

TEST(ChunkHeader, RoundTripsRandomChunks) {
  std::mt19937 generator(7);
  for (int round = 0; round < 100; ++round) {
    ChunkBuilder builder;
    builder.version = std::string(generator() % 20, '3');
    std::vector<base::Shape> shapes;
    std::vector<base::ByteRange> ranges;
    const std::size_t axes = 1 + generator() % 3;
    for (std::size_t i = generator() % 20; i > 0; --i) {
      base::Shape shape(axes);
      for (std::uint32_t& range : shape) range = static_cast<std::uint32_t>(generator() % 3);
      const std::size_t count = generator() % 4;
      ranges.push_back({builder.data.size(), builder.data.size() + count});
      shapes.push_back(shape);
      builder.add(shape, ByteVector(count));
    }
    const ChunkHeader header = parse(builder.build());
    EXPECT_EQ(header.version, builder.version);
    EXPECT_EQ(header.data_offset, builder.header().size());
    ASSERT_EQ(header.samples(), shapes.size());
    for (std::size_t i = 0; i < shapes.size(); ++i) {
      EXPECT_EQ(header.shape(i), shapes[i]);
      const auto range = header.byte_range(i);
      ASSERT_TRUE(range);
      // The encoder joins runs of samples of no bytes, whose start then means nothing.
      EXPECT_EQ(range->size(), ranges[i].size());
      EXPECT_TRUE(range->begin == ranges[i].begin || ranges[i].end == ranges[i].begin);
    }
    EXPECT_EQ(header.shape(shapes.size()), std::nullopt);
    EXPECT_EQ(header.byte_range(shapes.size()), std::nullopt);
  }
}

TEST(ChunkHeader, KnowsWhichSamplesOnlyOneTableHas) {
  ChunkBuilder builder = three_images();
  builder.add_without_shape({});
  const ChunkHeader header = parse(builder.build());
  EXPECT_EQ(header.samples(), 4U);
  EXPECT_EQ(header.shape(3), std::nullopt);
  ASSERT_TRUE(header.byte_range(3));
  EXPECT_EQ(header.byte_range(3)->begin, header.byte_range(3)->end);
}

TEST(ChunkHeader, GivesScalarsOfTheFirstWritersAnAxis) {
  ChunkBuilder builder;
  builder.add({}, ByteVector(8)).add({}, ByteVector(8));
  EXPECT_EQ(parse(builder.build()).shape(1), base::Shape{1});
}

TEST(ChunkHeader, EveryTruncationIsAFormatError) {
  const ByteVector header = three_images().header();
  for (std::size_t length = 0; length < header.size(); ++length) {
    const ByteVector prefix(header.begin(), header.begin() + static_cast<std::ptrdiff_t>(length));
    EXPECT_EQ(kind_of_parse(prefix), base::ErrorKind::kChunkFormat) << "of " << length << " bytes";
  }
  EXPECT_EQ(parse(header).samples(), 3U) << "no data is no error of the header's";
}

TEST(ChunkHeader, AsksForMoreUntilTheWholeHeaderIsThere) {
  const ByteVector chunk = three_images().build();
  const std::uint64_t end = three_images().header().size();
  for (std::uint64_t have = 0; have <= chunk.size(); ++have) {
    const base::Bytes prefix = base::Bytes(chunk).first(have);
    const std::uint64_t needed = header_bytes_needed(prefix, chunk.size());
    EXPECT_LE(needed, end);
    if (have < end) {
      EXPECT_GT(needed, have);
      EXPECT_EQ(test::kind_of([&] { parse_chunk_header(prefix, chunk.size()); }), base::ErrorKind::kChunkFormat);
    } else {
      EXPECT_EQ(needed, end);
      EXPECT_EQ(parse_chunk_header(prefix, chunk.size()).samples(), 3U);
    }
  }
}

TEST(ChunkHeader, ClaimsLargerThanTheChunkAreFoundBeforeMemoryIsTaken) {
  const auto claim = [](std::uint32_t rows, std::uint32_t columns, std::uint32_t positions) {
    ByteVector chunk = test::bytes_of(std::string(1, '\0'));
    test::append(chunk, test::bytes_of(std::vector<std::uint32_t>{rows, columns}));
    if (rows == 0) test::append(chunk, test::bytes_of(std::vector<std::uint32_t>{positions}));
    chunk.resize(chunk.size() + 100);
    return kind_of_parse(chunk);
  };
  constexpr std::uint32_t kMost = 0x7FFFFFFF;
  EXPECT_EQ(claim(kMost, 4, 0), base::ErrorKind::kChunkFormat);
  EXPECT_EQ(claim(kMost, kMost, 0), base::ErrorKind::kChunkFormat);
  EXPECT_EQ(claim(1, kMost, 0), base::ErrorKind::kChunkFormat);
  EXPECT_EQ(claim(0, 0, 0xFFFFFFFF), base::ErrorKind::kChunkFormat);
  EXPECT_EQ(claim(0x80000000, 4, 0), base::ErrorKind::kChunkFormat) << "2^31 rows: a negative i32";
  EXPECT_EQ(claim(4, 0x80000000, 0), base::ErrorKind::kChunkFormat);
  EXPECT_EQ(claim(0xFFFFFFFF, 0xFFFFFFFF, 0), base::ErrorKind::kChunkFormat) << "minus one times minus one is one";
  EXPECT_EQ(claim(kMost, 0, 0), base::ErrorKind::kChunkFormat) << "rows without columns";
}

TEST(ChunkHeader, RefusesMoreAxesThanAnArrayCanHave) {
  ChunkBuilder builder;
  builder.add(base::Shape(32, 1), ByteVector(1));
  EXPECT_EQ(parse(builder.build()).shape(0)->size(), 32U);
  ChunkBuilder too_many;
  too_many.add(base::Shape(33, 1), ByteVector(1));
  EXPECT_EQ(kind_of_parse(too_many.build()), base::ErrorKind::kChunkFormat);
}

TEST(ChunkHeader, RefusesTablesThatGoBackwards) {
  ChunkBuilder shapes = three_images();
  shapes.shape_rows[1].back() = 0;
  EXPECT_EQ(kind_of_parse(shapes.build()), base::ErrorKind::kChunkFormat);
  ChunkBuilder positions = three_images();
  positions.position_rows[1].back() = 0;
  EXPECT_EQ(kind_of_parse(positions.build()), base::ErrorKind::kChunkFormat);
}

TEST(ChunkHeader, LargestValuesDoNotOverflow) {
  ChunkBuilder builder;
  constexpr std::uint32_t kMost = 0xFFFFFFFF;
  builder.position_rows = {{kMost, kMost, kMost}};
  const auto range = parse(builder.build()).byte_range(kMost);
  ASSERT_TRUE(range);
  EXPECT_EQ(range->begin, kMost + std::uint64_t{kMost} * kMost);
  EXPECT_EQ(range->size(), kMost);
}

TEST(ChunkHeader, AVersionThatIsNotAsciiIsRefused) {
  test::ChunkBuilder builder;
  builder.version = "3.9\x80";
  builder.add({1, 4}, test::ByteVector(16));
  const test::ByteVector chunk = builder.build();
  EXPECT_EQ(test::kind_of([&] { parse_chunk_header(chunk, chunk.size()); }), base::ErrorKind::kChunkFormat);
}

}  // namespace
}  // namespace penstock::format
