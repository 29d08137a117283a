#include "format/lz4.h"

#include <gtest/gtest.h>

#include <optional>

#include "support/bytes.h"
#include "support/chunk_builder.h"
#include "support/expect_error.h"

namespace penstock::format {
namespace {

using test::ByteVector;

ByteVector decompress(const ByteVector& compressed) {
  const base::OwnedBytes out = decompress_lz4(compressed);
  return test::copy_of(out.view());
}

std::optional<base::ErrorKind> failure(const ByteVector& compressed) {
  try {
    decompress_lz4(compressed);
  } catch (const base::Error& error) {
    return error.kind();
  }
  return std::nullopt;
}

ByteVector some_text(std::size_t count) {
  ByteVector text = test::random_bytes(count, 5);
  for (std::size_t i = 0; i < count; ++i) text[i] = i % 3 == 0 ? text[i] : std::byte{'a'};
  return text;
}

TEST(Lz4, ReadsABlockWithItsLength) {
  for (const std::size_t count : {1U, 11U, 1000U, 100'000U}) {
    EXPECT_EQ(decompress(test::lz4_block(some_text(count))), some_text(count));
  }
}

TEST(Lz4, ReadsTheHighestRatioThereIs) {
  const ByteVector zeros(1 << 20);
  const ByteVector block = test::lz4_block(zeros);
  EXPECT_GT(zeros.size() / block.size(), 200U);
  EXPECT_EQ(decompress(block), zeros);
}

TEST(Lz4, ReadsAFrame) {
  for (const std::size_t count : {0U, 1U, 1000U, 300'000U}) {
    EXPECT_EQ(decompress(test::lz4_frame(some_text(count))), some_text(count));
  }
}

TEST(Lz4, NothingStandsForNothing) {
  EXPECT_EQ(decompress({}), ByteVector());
  EXPECT_EQ(decompress(test::lz4_block({})), ByteVector());
}

TEST(Lz4, LiesAboutTheLengthAreFormatErrors) {
  ByteVector block = test::lz4_block(some_text(1000));
  const auto claim = [&](std::uint32_t length) {
    ByteVector lie = test::bytes_of(std::vector<std::uint32_t>{length});
    lie.insert(lie.end(), block.begin() + 4, block.end());
    return failure(lie);
  };
  EXPECT_EQ(claim(1000), std::nullopt);
  for (const std::uint32_t length : {0U, 999U, 1001U, 100'000U, 0x7FFFFFFFU, 0x80000000U, 0xFFFFFFFFU}) {
    EXPECT_EQ(claim(length), base::ErrorKind::kChunkFormat) << length;
  }
}

TEST(Lz4, EveryTruncationIsAFormatError) {
  for (const ByteVector& sound : {test::lz4_block(some_text(500)), test::lz4_frame(some_text(500))}) {
    for (std::size_t length = 1; length < sound.size(); ++length) {
      const ByteVector prefix(sound.begin(), sound.begin() + static_cast<std::ptrdiff_t>(length));
      EXPECT_EQ(failure(prefix), base::ErrorKind::kChunkFormat) << length << " of " << sound.size();
    }
  }
}

TEST(Lz4, NoFlippedBitDoesMoreThanRaiseAnError) {
  for (const ByteVector& sound : {test::lz4_block(some_text(300)), test::lz4_frame(some_text(300))}) {
    for (std::size_t position = 0; position < sound.size(); ++position) {
      for (unsigned bit = 0; bit < 8; ++bit) {
        ByteVector damaged = sound;
        damaged[position] ^= static_cast<std::byte>(1U << bit);
        const auto kind = failure(damaged);
        EXPECT_TRUE(!kind || *kind == base::ErrorKind::kChunkFormat);
      }
    }
  }
}

}  // namespace
}  // namespace penstock::format
