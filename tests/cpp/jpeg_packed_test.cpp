// What is kept of a JPEG gives the rows that the file gives: of jpeg/packed.h, packing.h and rows.h.
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <random>
#include <vector>

#include "base/error.h"
#include "decode/jpeg/block_rows.h"
#include "decode/jpeg/packing.h"
#include "decode/jpeg/rows.h"
#include "decode/jpeg/turbo_reader.h"
#include "support/jpeg_encoder.h"

namespace penstock::decode {
namespace {

using test::ByteVector;
using test::Picture;

constexpr Color kColors[] = {Color::kNative, Color::kRgb, Color::kBgr, Color::kGray};

/// Some of the rows and columns of an image, read a few at a time; others are passed over.
struct Part {
  std::uint32_t first_row = 0, rows = 0, first_column = 0, columns = 0;
};

Part whole(const ImageSize& size) { return {0, size.height, 0, size.width}; }

Part some(const ImageSize& size, std::mt19937& generator) {
  const auto pick = [&](std::uint32_t most) { return static_cast<std::uint32_t>(generator() % most); };
  Part part;
  part.first_row = pick(size.height);
  part.rows = 1 + pick(size.height - part.first_row);
  part.first_column = pick(size.width);
  part.columns = 1 + pick(size.width - part.first_column);
  return part;
}

ByteVector pixels_of(base::RowSource& source, const Part& part) {
  const std::size_t channels = source.channels(), stride = source.width() * channels;
  ByteVector rows(stride * part.rows);
  source.keep_columns(part.first_column, part.first_column + part.columns);
  source.skip(part.first_row);
  for (std::uint32_t done = 0; done < part.rows;) {
    const std::uint32_t count = std::min<std::uint32_t>(part.rows - done, 5);
    source.read(reinterpret_cast<std::uint8_t*>(rows.data()) + done * stride, stride, count);
    done += count;
  }
  source.finish();
  ByteVector pixels;
  for (std::uint32_t row = 0; row < part.rows; ++row) {
    for (std::size_t at = part.first_column * channels; at < (part.first_column + part.columns) * channels; ++at) {
      // The fourth byte of a pixel means nothing.
      if (channels != 4 || at % 4 != 3) pixels.push_back(rows[row * stride + at]);
    }
  }
  return pixels;
}

/// What is kept of a file of which a part is read.
std::optional<base::OwnedBytes> kept_of(const ByteVector& file, const ImageSize& size, Color color, const Part& part) {
  std::optional<base::OwnedBytes> kept;
  const auto keep = [&](base::OwnedBytes bytes) {
    EXPECT_FALSE(kept) << "once";
    kept = std::move(bytes);
  };
  const auto rows = jpeg::open_rows(file, size, color, true, keep);
  if (rows == nullptr) return std::nullopt;
  TurboReader expected(file, size, color, true);
  EXPECT_EQ(pixels_of(*rows, part), pixels_of(expected, part)) << "keeping changes nothing";
  return kept;
}

void expect_same_rows(const ByteVector& file, const ImageSize& size, base::Bytes kept, std::mt19937& generator) {
  for (const Color color : kColors) {
    for (const Part& part : {whole(size), some(size, generator)}) {
      const bool padded = generator() % 2 == 0;
      const auto rows = jpeg::open_packed_rows(kept, size, color, padded);
      ASSERT_NE(rows, nullptr);
      TurboReader expected(file, size, color, padded);
      ASSERT_EQ(rows->channels(), expected.channels());
      ASSERT_EQ(pixels_of(*rows, part), pixels_of(expected, part));
    }
  }
}

TEST(JpegPacked, GivesTheRowsOfTheFile) {
  std::mt19937 generator(5);
  for (int round = 0; round < 400; ++round) {
    const ImageSize size{static_cast<std::uint32_t>(1 + generator() % 60),
                         static_cast<std::uint32_t>(5 + generator() % 90), round % 5 == 0 ? 1U : 3U};
    const Picture picture = test::make_picture(size.height, size.width, size.channels, static_cast<unsigned>(round));
    const ByteVector file = test::encode_baseline(picture, {.across = round % 7 == 6 ? 4 : 1 + round % 2,
                                                            .down = round % 7 == 6 ? 1 : 1 + round / 2 % 2,
                                                            .quality = 1 + static_cast<int>(generator() % 100),
                                                            .restart_interval = static_cast<unsigned>(round % 3),
                                                            .own_codes = round % 4 == 0});
    const auto kept = kept_of(file, size, kColors[generator() % 4], some(size, generator));
    ASSERT_TRUE(kept) << round;
    expect_same_rows(file, size, kept->view(), generator);
    ASSERT_FALSE(HasFailure()) << "round " << round;
  }
}

/// Noise at full contrast: coefficients of all sizes that an encoder makes.
TEST(JpegPacked, NoiseAtAllQualities) {
  std::mt19937 generator(3);
  Picture picture{40, 48, 3, {}};
  for (std::size_t i = 0; i < std::size_t{40} * 48 * 3; ++i) {
    picture.pixels.push_back(generator() % 2 == 0 ? std::byte{0} : std::byte{255});
  }
  for (int quality = 1; quality <= 100; ++quality) {
    const ByteVector file = test::encode_baseline(picture, {.quality = quality});
    const auto kept = kept_of(file, {40, 48, 3}, Color::kRgb, whole({40, 48, 3}));
    ASSERT_TRUE(kept) << quality;
    expect_same_rows(file, {40, 48, 3}, kept->view(), generator);
  }
}

/// Blocks of any coefficients, not those of encoders alone.
TEST(JpegPacking, GivesBackWhatItWasGiven) {
  std::mt19937 generator(17);
  jpeg::Quantisation steps;
  steps.fill(1);
  for (int round = 0; round < 300; ++round) {
    const std::size_t blocks = 1 + generator() % 40, group = std::size_t{1} << generator() % 3;
    jpeg::BlockRows given(2, blocks, group), taken(2, blocks, group);
    const int bits = 1 + round % 14;  // of the largest coefficients
    for (std::size_t number = 0; number < blocks; ++number) {
      const std::size_t some = generator() % 65;
      for (std::size_t i = 0; i < some; ++i) {
        const std::size_t place = generator() % 64;
        const int most = 1 << (generator() % static_cast<unsigned>(bits));
        const int value = static_cast<int>(generator() % (2 * static_cast<unsigned>(most))) - most;
        given.block(1, number)[place / 8 * 8 * group + place % 8] = static_cast<std::int16_t>(value);
      }
    }
    std::vector<std::byte> packed(jpeg::most_packed(blocks) + jpeg::kMostPackedBlock);
    const std::byte* const end = jpeg::pack(given, 1, blocks, steps, packed.data());
    ASSERT_NE(end, nullptr);
    ASSERT_LE(static_cast<std::size_t>(end - packed.data()), jpeg::most_packed(blocks));
    const jpeg::PackedRow row{packed.data(), end, blocks};
    ASSERT_EQ(jpeg::unpack(row, taken, 1, 0, blocks), end);
    for (std::size_t number = 0; number < blocks; ++number) {
      bool has_details = false;
      for (std::size_t place = 0; place < 64; ++place) {
        const std::size_t at = place / 8 * 8 * group + place % 8;
        ASSERT_EQ(taken.block(1, number)[at], given.block(1, number)[at]) << "block " << number << ", " << place;
        has_details = has_details || (place > 0 && given.block(1, number)[at] != 0);
      }
      ASSERT_EQ(taken.details(1)[number] != 0, has_details);
    }
  }
}

TEST(JpegPacking, GivesUpOnCoefficientsThatTheTransformGivesUpOn) {
  for (const int value : {8191, 8192, -8192, -8193}) {
    jpeg::BlockRows rows(1, 3, 1);
    rows.block(0, 2)[5] = static_cast<std::int16_t>(value);
    jpeg::Quantisation steps;
    steps.fill(1);
    std::vector<std::byte> packed(jpeg::most_packed(3));
    EXPECT_EQ(jpeg::pack(rows, 0, 3, steps, packed.data()) != nullptr, value == 8191 || value == -8192) << value;
  }
}

/// A file that libjpeg-turbo has to end, in whatever way, leaves nothing behind.
TEST(JpegPacked, NothingIsKeptOfDamagedFiles) {
  std::mt19937 generator(11);
  const ImageSize size{40, 56, 3};
  int kept_all_the_same = 0;
  for (int round = 0; round < 300; ++round) {
    const Picture picture = test::make_picture(size.height, size.width, 3, static_cast<unsigned>(round % 7));
    ByteVector file = test::encode_baseline(picture, {.quality = 20 + round % 80});
    file[file.size() / 2 + generator() % (file.size() / 2)] ^= static_cast<std::byte>(1U << generator() % 8);
    std::optional<base::OwnedBytes> kept;
    const auto rows =
        jpeg::open_rows(file, size, Color::kRgb, true, [&](base::OwnedBytes bytes) { kept = std::move(bytes); });
    if (rows == nullptr) continue;
    try {
      pixels_of(*rows, whole(size));
    } catch (const base::Error&) {
      EXPECT_FALSE(kept);
      continue;
    }
    if (!kept) continue;
    // A damage that is none: other coefficients, whose picture is as good as any.
    ++kept_all_the_same;
    expect_same_rows(file, size, kept->view(), generator);
    ASSERT_FALSE(HasFailure());
  }
  EXPECT_GT(kept_all_the_same, 20);
}

/// Whoever has written to the cache's files: an error or a picture, and no memory that is not the cache's.
TEST(JpegPacked, WhatWasKeptMayBeDamaged) {
  std::mt19937 generator(23);
  const ImageSize size{30, 44, 3};
  const ByteVector file = test::encode_baseline(test::make_picture(30, 44, 3, 1), {.across = 2, .down = 2});
  const auto sound = kept_of(file, size, Color::kRgb, whole(size));
  ASSERT_TRUE(sound);
  int errors = 0;
  for (int round = 0; round < 3000; ++round) {
    ByteVector kept(sound->view().begin(), sound->view().end());
    for (std::size_t hits = 1 + generator() % 3; hits > 0; --hits) {
      const std::size_t at =
          round % 2 == 0 ? generator() % kept.size() : generator() % std::min<std::size_t>(kept.size(), 640);
      kept[at] = static_cast<std::byte>(generator() % 256);
    }
    if (generator() % 5 == 0) kept.resize(generator() % kept.size());
    const auto rows = jpeg::open_packed_rows(kept, size, kColors[generator() % 4], true);
    if (rows == nullptr) {
      ++errors;
      continue;
    }
    try {
      pixels_of(*rows, some(size, generator));
    } catch (const base::Error&) {
      ++errors;
    }
  }
  EXPECT_GT(errors, 100);
}

TEST(JpegPacked, IsOfOneSize) {
  const ImageSize size{30, 44, 3};
  const ByteVector file = test::encode_baseline(test::make_picture(30, 44, 3, 1), {});
  const auto kept = kept_of(file, size, Color::kRgb, whole(size));
  ASSERT_TRUE(kept);
  EXPECT_EQ(jpeg::open_packed_rows(kept->view(), {31, 44, 3}, Color::kRgb, true), nullptr);
  EXPECT_EQ(jpeg::open_packed_rows(kept->view(), {30, 44, 1}, Color::kRgb, true), nullptr);
  EXPECT_EQ(jpeg::open_packed_rows({}, size, Color::kRgb, true), nullptr);
}

}  // namespace
}  // namespace penstock::decode
