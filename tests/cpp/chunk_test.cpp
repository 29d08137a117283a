#include "format/chunk.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

#include "support/bytes.h"
#include "support/chunk_builder.h"
#include "support/expect_error.h"

namespace penstock::format {
namespace {

using test::ByteVector;
using test::ChunkBuilder;

class ChunkTest : public testing::Test {
 protected:
  ChunkTest() {
    format_.name = "boxes";
    format_.item_size = 4;
    format_.dimensions = 2;
  }

  void put(const ByteVector& object) { object_ = object; }
  std::shared_ptr<const Chunk> whole() {
    base::OwnedBytes copy = base::OwnedBytes::allocate(object_.size());
    std::copy(object_.begin(), object_.end(), copy.data.get());
    return Chunk::from_object(std::move(copy), format_);
  }
  /// Given as much of the object's beginning as the header turns out to need, and no more.
  std::shared_ptr<const Chunk> header() {
    std::uint64_t have = 0;
    while (const std::uint64_t needed = header_bytes_needed(base::Bytes(object_).first(have), object_.size())) {
      if (needed <= have) break;
      have = needed;
    }
    return Chunk::from_header(base::Bytes(object_).first(have), object_.size(), format_);
  }

  static ByteVector sample(const Chunk& chunk, std::uint64_t index) {
    return test::copy_of(chunk.sample(chunk.byte_range(index)));
  }
  /// As the fetcher does for a chunk whose header alone was read.
  ByteVector ranged(const Chunk& chunk, std::uint64_t index) {
    const base::ByteRange range = chunk.byte_range(index);
    return test::copy_of(base::Bytes(object_).subspan(chunk.data_offset() + range.begin, range.size()));
  }

  TensorFormat format_;
  ByteVector object_;
};

TEST_F(ChunkTest, GivesShapesAndBytesOfItsSamples) {
  const ByteVector first = test::random_bytes(32, 1);
  const ByteVector second = test::random_bytes(16, 2);
  put(ChunkBuilder().add({2, 4}, first).add({0, 4}, {}).add({1, 4}, second).build());
  const auto chunk = whole();
  EXPECT_TRUE(chunk->whole());
  EXPECT_EQ(chunk->shape(0), (base::Shape{2, 4}));
  EXPECT_EQ(chunk->shape(1), (base::Shape{0, 4}));
  EXPECT_EQ(sample(*chunk, 0), first);
  EXPECT_EQ(sample(*chunk, 1), ByteVector());
  EXPECT_EQ(sample(*chunk, 2), second);
}

TEST_F(ChunkTest, HeaderAndWholeReadingAgree) {
  ChunkBuilder builder;
  std::vector<ByteVector> samples;
  for (std::uint32_t i = 0; i < 50; ++i) {
    samples.push_back(test::random_bytes(16 * (i % 7), i));
    builder.add({i % 7, 4}, samples.back());
  }
  put(builder.build());
  const auto by_header = header();
  const auto by_whole = whole();
  EXPECT_FALSE(by_header->whole());
  for (std::uint64_t i = 0; i < samples.size(); ++i) {
    EXPECT_EQ(by_header->shape(i), by_whole->shape(i));
    EXPECT_EQ(ranged(*by_header, i), samples[i]);
    EXPECT_EQ(sample(*by_whole, i), samples[i]);
  }
  EXPECT_LT(by_header->bytes(), by_whole->bytes()) << "the cache's budget counts what is in memory";
}

TEST_F(ChunkTest, ReadsAHeaderLargerThanTheFirstRead) {
  ChunkBuilder builder;
  for (std::uint32_t i = 0; i < 1000; ++i) builder.add({1 + i % 2, 4}, test::random_bytes(16 * (1 + i % 2), i));
  ASSERT_GT(builder.header().size(), 16'000U);
  put(builder.build());
  const auto chunk = header();
  for (const std::uint64_t i : {0U, 1U, 500U, 999U}) {
    EXPECT_EQ(chunk->shape(i), (base::Shape{static_cast<std::uint32_t>(1 + i % 2), 4}));
    EXPECT_EQ(ranged(*chunk, i), test::random_bytes(16 * (1 + i % 2), static_cast<unsigned>(i)));
  }
}

TEST_F(ChunkTest, TrailingSamplesWithoutAShapeAreEmpty) {
  put(ChunkBuilder().add({2, 4}, ByteVector(32)).add_without_shape({}).add_without_shape({}).build());
  for (const auto& chunk : {whole(), header()}) {
    EXPECT_EQ(chunk->shape(2), (base::Shape{0, 0})) << "as many zeros as the tensor has axes";
    EXPECT_EQ(chunk->byte_range(2).begin, chunk->byte_range(2).end);
    EXPECT_EQ(test::kind_of([&] { chunk->shape(3); }), base::ErrorKind::kChunkFormat);
    EXPECT_EQ(test::kind_of([&] { chunk->byte_range(3); }), base::ErrorKind::kChunkFormat);
  }
}

TEST_F(ChunkTest, AFixedShapeThatTheTablesContradictIsRefused) {
  format_.fixed_shape = base::Shape{2, 2};
  ChunkBuilder builder;
  for (unsigned i = 0; i < 5; ++i) builder.add({2, 2}, test::random_bytes(16, i));
  put(builder.build());
  for (unsigned i = 0; i < 5; ++i) {
    EXPECT_EQ(whole()->shape(i), (base::Shape{2, 2}));
    EXPECT_EQ(sample(*whole(), i), test::random_bytes(16, i));
  }
  EXPECT_EQ(test::kind_of([&] { whole()->byte_range(5); }), base::ErrorKind::kChunkFormat);
  builder.shape_rows = {{9, 9, 4}};
  builder.position_rows = {{1, 3, 4}};
  put(builder.build());
  EXPECT_EQ(test::kind_of([&] { whole()->shape(0); }), base::ErrorKind::kChunkFormat);
  EXPECT_EQ(test::kind_of([&] { whole()->byte_range(0); }), base::ErrorKind::kChunkFormat);
}

TEST_F(ChunkTest, AFixedShapeNeedsNoBytePositions) {
  format_.fixed_shape = base::Shape{2, 2};
  ChunkBuilder builder;
  for (unsigned i = 0; i < 5; ++i) builder.add({2, 2}, test::random_bytes(16, i));
  builder.position_rows.clear();
  put(builder.build());
  for (unsigned i = 0; i < 5; ++i) EXPECT_EQ(sample(*whole(), i), test::random_bytes(16, i));
}

TEST_F(ChunkTest, CompressedSamplesOfAFixedShapeGoByTheBytePositions) {
  format_.fixed_shape = base::Shape{2, 2};
  format_.sample_compression = Compression::kLz4;
  put(ChunkBuilder().add({2, 2}, test::random_bytes(9, 1)).add({2, 2}, test::random_bytes(11, 2)).build());
  EXPECT_EQ(sample(*whole(), 1), test::random_bytes(11, 2));
}

TEST_F(ChunkTest, AFixedShapeWithoutElementsWorks) {
  format_.fixed_shape = base::Shape{0, 4};
  put(ChunkBuilder().add({0, 4}, {}).add({0, 4}, {}).build());
  EXPECT_EQ(whole()->shape(1), (base::Shape{0, 4}));
  EXPECT_EQ(sample(*whole(), 1), ByteVector());
  EXPECT_EQ(test::kind_of([&] { whole()->shape(2); }), base::ErrorKind::kChunkFormat);
}

TEST_F(ChunkTest, ASampleWithoutABytePositionIsAFormatError) {
  ChunkBuilder builder;
  builder.add({1, 4}, ByteVector(16)).add({2, 4}, ByteVector(32));
  builder.position_rows.clear();
  put(builder.build());
  EXPECT_EQ(test::kind_of([&] { whole()->byte_range(1); }), base::ErrorKind::kChunkFormat);
}

TEST_F(ChunkTest, AnEndThatTheTableOversteppedIsAFormatError) {
  ChunkBuilder builder;
  builder.add({2, 4}, ByteVector(32)).add({1, 4}, ByteVector(16));
  builder.data.resize(builder.data.size() - 1);
  put(builder.build());
  for (const auto& chunk : {whole(), header()}) {
    EXPECT_EQ(chunk->byte_range(0).end, 32U);
    const base::Error error = test::error_of([&] { chunk->byte_range(1); });
    EXPECT_EQ(error.kind(), base::ErrorKind::kChunkFormat);
    EXPECT_NE(error.cause().find("47"), std::string::npos) << "the bytes there are: " << error.cause();
  }
}

TEST_F(ChunkTest, FixedShapesThatOverflowAreFormatErrors) {
  constexpr std::uint32_t kMost = 0xFFFFFFFF;
  ChunkBuilder builder;
  for (int i = 0; i < 3; ++i) builder.add({1}, ByteVector(4));
  put(builder.build());
  for (const base::Shape& shape : {base::Shape{kMost, kMost, kMost}, {kMost, kMost}, {kMost}}) {
    format_.fixed_shape = shape;
    for (std::uint64_t i = 0; i < 3; ++i) {
      EXPECT_EQ(test::kind_of([&] { whole()->byte_range(i); }), base::ErrorKind::kChunkFormat);
    }
  }
}

TEST_F(ChunkTest, DecompressesACompressedChunk) {
  format_.chunk_compression = Compression::kLz4;
  ChunkBuilder builder;
  for (std::uint32_t i = 0; i < 20; ++i) builder.add({i, 4}, ByteVector(16 * i, static_cast<std::byte>(i)));
  put(builder.build_lz4());
  const auto chunk = whole();
  for (std::uint32_t i = 0; i < 20; ++i) {
    EXPECT_EQ(chunk->shape(i), (base::Shape{i, 4}));
    EXPECT_EQ(sample(*chunk, i), ByteVector(16 * i, static_cast<std::byte>(i)));
  }
  EXPECT_GE(chunk->bytes(), builder.data.size()) << "decompressed is what counts in the cache";
}

TEST_F(ChunkTest, ACompressedChunkOfEmptySamplesMayHoldNothing) {
  format_.chunk_compression = Compression::kLz4;
  put(ChunkBuilder().add({0, 4}, {}).build());
  EXPECT_EQ(sample(*whole(), 0), ByteVector());
}

TEST_F(ChunkTest, AnEmptyObjectIsAFormatError) {
  put({});
  EXPECT_EQ(test::kind_of([&] { whole(); }), base::ErrorKind::kChunkFormat);
  EXPECT_EQ(test::kind_of([&] { header(); }), base::ErrorKind::kChunkFormat);
}

/// Reads whatever can be read of a chunk; the sum is there so that every byte is touched.
void read_everything(const Chunk& chunk) {
  constexpr std::uint64_t kMostSamples = 64;
  unsigned sum = 0;
  for (std::uint64_t i = 0; i < kMostSamples; ++i) {
    try {
      sum += static_cast<unsigned>(chunk.shape(i).size());
      for (const std::byte value : chunk.sample(chunk.byte_range(i))) sum += static_cast<unsigned>(value);
    } catch (const base::Error& error) {
      ASSERT_EQ(error.kind(), base::ErrorKind::kChunkFormat);
    }
  }
  volatile unsigned sink = sum;
  (void)sink;
}

/// Every value in every byte: what comes is a chunk or a base::Error.
TEST_F(ChunkTest, NoFlippedByteDoesMoreThanRaiseAnError) {
  struct Variant {
    Compression chunk_compression;
    std::optional<base::Shape> fixed_shape;
  };
  ChunkBuilder builder;
  builder.add({2, 2}, test::random_bytes(16, 1)).add({2, 2}, test::random_bytes(16, 2)).add({1, 2}, ByteVector(8));
  for (const Variant& variant : {Variant{Compression::kNone, std::nullopt},
                                 {Compression::kNone, base::Shape{2, 2}},
                                 {Compression::kLz4, std::nullopt}}) {
    format_.chunk_compression = variant.chunk_compression;
    format_.fixed_shape = variant.fixed_shape;
    const bool compressed = variant.chunk_compression == Compression::kLz4;
    const ByteVector sound = compressed ? builder.build_lz4() : builder.build();
    int parsed = 0;
    for (std::size_t position = 0; position < sound.size(); ++position) {
      for (unsigned change = 1; change < 256; change += change < 8 ? 1 : 11) {
        ByteVector damaged = sound;
        damaged[position] ^= static_cast<std::byte>(change);
        put(damaged);
        try {
          read_everything(*whole());
          ++parsed;
          if (!compressed) header();
        } catch (const base::Error& error) {
          ASSERT_EQ(error.kind(), base::ErrorKind::kChunkFormat) << error.cause();
        }
      }
    }
    EXPECT_GT(parsed, 0) << "flips in the data are not the header's business";
  }
}

}  // namespace
}  // namespace penstock::format
