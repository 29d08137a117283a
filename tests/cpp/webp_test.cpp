#include "decode/webp.h"

#include <gtest/gtest.h>
#include <webp/decode.h>

#include <optional>
#include <string>

#include "decode/claims.h"
#include "decode/image_decoder.h"
#include "support/expect_error.h"
#include "support/jpeg_files.h"
#include "support/webp_files.h"

namespace penstock::decode {
namespace {

using test::ByteVector;
using test::Picture;

ByteVector decode(const ByteVector& file, const base::Shape& shape, Color color) {
  ByteVector pixels(*base::checked_byte_count(decoded_shape(shape, color), 1));
  decode_image(format::Compression::kWebp, file, shape, 1, color, pixels);
  return pixels;
}

/// Without full transparency, under which an encoder may change colors.
Picture picture_of(std::uint32_t height, std::uint32_t width, std::uint32_t channels, unsigned seed) {
  Picture picture = test::make_picture(height, width, channels, seed);
  for (std::size_t i = 3; channels == 4 && i < picture.pixels.size(); i += 4) picture.pixels[i] |= std::byte{1};
  return picture;
}

ByteVector three_channels(const Picture& picture, bool bgr) {
  ByteVector out;
  for (std::size_t i = 0; i < picture.pixels.size(); i += picture.channels) {
    for (const std::size_t c : {0U, 1U, 2U}) out.push_back(picture.pixels[i + (bgr ? 2 - c : c)]);
  }
  return out;
}

TEST(Webp, LosslessFilesGiveTheirPixelsBack) {
  for (const std::uint32_t channels : {3U, 4U}) {
    for (const auto& [height, width] : {std::pair{1U, 1U}, {7U, 9U}, {33U, 16U}, {1U, 40U}}) {
      const Picture picture = picture_of(height, width, channels, height);
      const ByteVector file = test::encode_webp(picture, true);
      const base::Shape shape{height, width, channels};
      EXPECT_EQ(decode(file, shape, Color::kNative), picture.pixels);
      EXPECT_EQ(decode(file, shape, Color::kRgb), three_channels(picture, false));
      EXPECT_EQ(decode(file, shape, Color::kBgr), three_channels(picture, true));
    }
  }
}

TEST(Webp, LossyFilesAreDecodedAsByLibwebpItself) {
  const ByteVector file = test::encode_webp(picture_of(33, 47, 3, 1), false);
  int width = 0;
  int height = 0;
  std::uint8_t* pixels =
      WebPDecodeRGB(reinterpret_cast<const std::uint8_t*>(file.data()), file.size(), &width, &height);
  ASSERT_NE(pixels, nullptr);
  const ByteVector expected = test::copy_of(std::as_bytes(std::span(pixels, std::size_t{33} * 47 * 3)));
  WebPFree(pixels);
  EXPECT_EQ(decode(file, {33, 47, 3}, Color::kRgb), expected);
  EXPECT_EQ(decode(file, {33, 47, 3}, Color::kNative), expected);
}

TEST(Webp, AnotherSizeOrNumberOfChannelsThanTheDatasetSaysIsRefused) {
  const ByteVector file = test::encode_webp(picture_of(20, 30, 3, 1), true);
  for (const base::Shape& shape : {base::Shape{20, 31, 3}, {21, 30, 3}, {30, 20, 3}, {1, 1, 3}}) {
    const base::Error error = test::error_of([&] { decode(file, shape, Color::kBgr); });
    EXPECT_EQ(error.kind(), base::ErrorKind::kDecode);
    EXPECT_NE(error.cause().find("20 x 30"), std::string::npos) << error.cause();
  }
  for (const base::Shape& shape : {base::Shape{20, 30}, {20, 30, 1}, {20, 30, 4}}) {
    const base::Error error = test::error_of([&] { decode(file, shape, Color::kNative); });
    EXPECT_NE(error.cause().find("has 3 channels"), std::string::npos) << error.cause();
  }
}

TEST(Webp, EveryTruncationIsRefused) {
  for (const bool lossless : {false, true}) {
    for (const std::uint32_t channels : {3U, 4U}) {
      const ByteVector file = test::encode_webp(picture_of(17, 23, channels, 3), lossless);
      const ByteVector whole = decode(file, {17, 23, channels}, Color::kNative);
      for (std::size_t length = 0; length < file.size(); ++length) {
        // Of its own, so that a sanitizer sees a read beyond it.
        const ByteVector prefix(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(length));
        std::optional<ByteVector> pixels;
        try {
          pixels = decode(prefix, {17, 23, channels}, Color::kNative);
        } catch (const base::Error& error) {
          EXPECT_EQ(error.kind(), base::ErrorKind::kDecode);
        }
        // The last bytes may be padding, or bits that no pixel needs.
        EXPECT_TRUE(!pixels || (*pixels == whole && length + 4 >= file.size())) << length << " of " << file.size();
      }
    }
  }
}

TEST(Webp, NoFlippedBitDoesMoreThanRaiseAnError) {
  for (const bool lossless : {false, true}) {
    const ByteVector file = test::encode_webp(picture_of(9, 11, 4, 2), lossless);
    for (std::size_t position = 0; position < file.size(); ++position) {
      for (const unsigned bit : {0U, 3U, 7U}) {
        ByteVector damaged = file;
        damaged[position] ^= static_cast<std::byte>(1U << bit);
        for (const Color color : {Color::kNative, Color::kBgr}) {
          try {
            decode(damaged, {9, 11, 4}, color);
          } catch (const base::Error& error) {
            EXPECT_EQ(error.kind(), base::ErrorKind::kDecode);
          }
        }
      }
    }
  }
}

TEST(Webp, WhatIsNoWebpIsRefused) {
  for (const ByteVector& file : {ByteVector(), test::bytes_of("not an image"), test::random_bytes(5000, 1)}) {
    EXPECT_EQ(test::kind_of([&] { decode(file, {2, 2, 3}, Color::kRgb); }), base::ErrorKind::kDecode);
    EXPECT_EQ(test::kind_of([&] { check_claim(format::Compression::kWebp, file, {2, 2, 3}, 1); }),
              base::ErrorKind::kDecode);
  }
}

TEST(Claims, AreHeldAgainstTheBytes) {
  const ByteVector file = test::encode_webp(picture_of(20, 30, 3, 1), true);
  check_claim(format::Compression::kWebp, file, {20, 30, 3}, 1);
  EXPECT_EQ(test::kind_of([&] { check_claim(format::Compression::kWebp, file, {16383, 16383, 3}, 1); }),
            base::ErrorKind::kDecode);
  const ByteVector bytes(100);
  struct Case {
    format::Compression compression;
    std::uint32_t most;
  };
  for (const auto& [compression, most] : {Case{format::Compression::kNone, 300},
                                          {format::Compression::kLz4, 76'500},
                                          {format::Compression::kJpeg, 614'400},
                                          {format::Compression::kPng, 2'476'800}}) {
    check_claim(compression, bytes, {most, 1}, 1);
    EXPECT_EQ(test::kind_of([&, c = compression, m = most] { check_claim(c, bytes, {m + 1, 1}, 1); }),
              base::ErrorKind::kDecode);
    EXPECT_EQ(test::kind_of([&, c = compression] { check_claim(c, bytes, {0xFFFFFFFF, 0xFFFFFFFF, 9}, 8); }),
              base::ErrorKind::kDecode);
    check_claim(compression, {}, {0xFFFFFFFF, 0, 0xFFFFFFFF}, 8);
  }
}

}  // namespace
}  // namespace penstock::decode
