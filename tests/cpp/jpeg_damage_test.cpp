#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "decode/image_decoder.h"
#include "support/bytes.h"
#include "support/expect_error.h"
#include "support/jpeg_files.h"

namespace penstock::decode {
namespace {

using test::ByteVector;
using test::Subsampling;

std::optional<base::Error> failure(const ByteVector& file, const base::Shape& shape, Color color = Color::kRgb,
                                   ByteVector* decoded = nullptr) {
  // Exactly as large as it must be: a sanitizer sees a decoder that writes past it.
  ByteVector pixels(static_cast<std::size_t>(shape[0]) * shape[1] * 3);
  try {
    decode_image(format::Compression::kJpeg, file, shape, 1, color, pixels);
  } catch (const base::Error& error) {
    return error;
  }
  if (decoded != nullptr) *decoded = std::move(pixels);
  return std::nullopt;
}

ByteVector first(const ByteVector& file, std::size_t count) {
  return {file.begin(), file.begin() + static_cast<std::ptrdiff_t>(count)};
}

TEST(DamagedJpeg, EveryTruncationThatTakesPixelsIsRefused) {
  // As Pillow, and with it Deep Lake, has it: refused while a row is missing, and of several scans while the end is.
  for (const bool progressive : {false, true}) {
    for (const Subsampling subsampling : {Subsampling::k444, Subsampling::k420}) {
      const ByteVector file = test::encode_jpeg(test::make_picture(33, 47, 3, 2), subsampling, progressive);
      ByteVector whole;
      ASSERT_FALSE(failure(file, {33, 47, 3}, Color::kRgb, &whole));
      for (std::size_t length = 0; length < file.size(); ++length) {
        ByteVector found;
        const auto error = failure(first(file, length), {33, 47, 3}, Color::kRgb, &found);
        if (!error) {
          EXPECT_FALSE(progressive) << length;
          EXPECT_GE(length + 2, file.size()) << "more than the end marker was missing";
          EXPECT_EQ(found, whole) << length;
          continue;
        }
        EXPECT_EQ(error->kind(), base::ErrorKind::kDecode);
        EXPECT_EQ(error->cause(), length == 0  ? "JPEG: no data"
                                  : length < 2 ? error->cause()
                                               : "JPEG: the data ends too early");
        EXPECT_FALSE(error->hint().empty());
      }
    }
  }
}

// As with Pillow, the decoder asks for some bytes more than it needs: where none follow, the last rows may be missing.
TEST(DamagedJpeg, OneScanNeedsNoEndMarkerWhereBytesFollow) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    const std::uint32_t channels = 1 + 2 * (seed % 2);
    const base::Shape shape{8 + seed % 9, 8, channels};
    ByteVector file = test::encode_jpeg(test::make_picture(shape[0], shape[1], channels, seed));
    ByteVector whole;
    ASSERT_FALSE(failure(file, shape, Color::kRgb, &whole));
    std::fill(file.end() - 2, file.end(), std::byte{0});
    // libjpeg takes up to eight bytes at a time, and waits for them.
    file.resize(file.size() + 8);
    ByteVector found;
    EXPECT_FALSE(failure(file, shape, Color::kRgb, &found)) << "seed " << seed;
    EXPECT_EQ(found, whole) << "seed " << seed;
  }
}

TEST(DamagedJpeg, SeveralScansNeedAnEndMarker) {
  ByteVector file = test::encode_jpeg(test::make_picture(33, 47, 3, 2), Subsampling::k444, true);
  std::fill(file.end() - 2, file.end(), std::byte{0});
  EXPECT_EQ(failure(file, {33, 47, 3})->cause(), "JPEG: the data ends too early");
}

TEST(DamagedJpeg, BytesAfterTheEndMarkerDoNoHarm) {
  ByteVector file = test::encode_jpeg(test::make_picture(33, 47, 3, 2));
  test::append(file, test::bytes_of("more"));
  EXPECT_FALSE(failure(file, {33, 47, 3}));
}

TEST(DamagedJpeg, NoFlippedBitDoesMoreThanRaiseAnError) {
  for (const bool progressive : {false, true}) {
    for (const std::uint32_t channels : {1U, 3U}) {
      const ByteVector file =
          test::encode_jpeg(test::make_picture(17, 19, channels, 4), Subsampling::k420, progressive);
      for (std::size_t position = 0; position < file.size(); ++position) {
        ByteVector damaged = file;
        damaged[position] ^= static_cast<std::byte>(1U << (position % 8));
        for (const Color color : {Color::kRgb, Color::kNative}) {
          const auto error = failure(damaged, {17, 19, channels}, color);
          if (error) {
            EXPECT_TRUE(error->kind() == base::ErrorKind::kDecode || error->kind() == base::ErrorKind::kUnsupported);
          }
        }
      }
    }
  }
}

/// A progressive JPEG whose last scan comes again and again.
ByteVector with_scans(std::size_t repeats) {
  ByteVector file = test::encode_jpeg(test::make_picture(8, 8, 3, 1), Subsampling::k444, true);
  constexpr std::byte kStartOfScan[] = {std::byte{0xFF}, std::byte{0xDA}};
  const auto scan = std::find_end(file.begin(), file.end(), std::begin(kStartOfScan), std::end(kStartOfScan));
  const ByteVector last(scan, file.end() - 2);
  const ByteVector end(file.end() - 2, file.end());
  file.resize(file.size() - 2);
  for (std::size_t i = 0; i < repeats; ++i) test::append(file, last);
  test::append(file, end);
  return file;
}

TEST(DamagedJpeg, ScansWithoutEndAreRefused) {
  EXPECT_FALSE(failure(with_scans(480), {8, 8, 3}));
  const auto error = failure(with_scans(10'000), {8, 8, 3});
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind(), base::ErrorKind::kDecode);
  EXPECT_EQ(error->cause(), "JPEG: more than 500 scans");
}

TEST(DamagedJpeg, WhatIsNoJpegIsRefused) {
  EXPECT_EQ(failure({}, {2, 2, 3})->kind(), base::ErrorKind::kDecode);
  EXPECT_EQ(failure(test::bytes_of("not an image at all"), {2, 2, 3})->kind(), base::ErrorKind::kDecode);
  EXPECT_EQ(failure(test::random_bytes(5000, 1), {2, 2, 3})->kind(), base::ErrorKind::kDecode);
}

}  // namespace
}  // namespace penstock::decode
