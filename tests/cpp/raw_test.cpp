#include "decode/raw.h"

#include <gtest/gtest.h>

#include <optional>

#include "decode/image_decoder.h"
#include "support/bytes.h"
#include "support/chunk_builder.h"
#include "support/expect_error.h"

namespace penstock::decode {
namespace {

using format::Compression;
using test::ByteVector;

constexpr std::uint32_t kHeight = 3;
constexpr std::uint32_t kWidth = 5;
constexpr std::size_t kPixels = kHeight * kWidth;

ByteVector decode(const ByteVector& stored, const base::Shape& shape, Color color,
                  Compression compression = Compression::kNone, std::uint32_t item_size = 1) {
  ByteVector pixels(*base::checked_byte_count(decoded_shape(shape, color), item_size));
  decode_image(compression, stored, shape, item_size, color, pixels);
  return pixels;
}

ByteVector expected(const ByteVector& stored, std::size_t channels, Color color) {
  ByteVector out;
  for (std::size_t i = 0; i < kPixels; ++i) {
    const std::byte* pixel = &stored[i * channels];
    const std::byte red = pixel[0];
    const std::byte green = channels == 1 ? red : pixel[1];
    const std::byte blue = channels == 1 ? red : pixel[2];
    if (color == Color::kRgb) {
      out.insert(out.end(), {red, green, blue});
    } else {
      out.insert(out.end(), {blue, green, red});
    }
  }
  return out;
}

TEST(RawImage, NativeIsACopy) {
  for (const std::uint32_t channels : {1U, 2U, 3U, 4U, 7U}) {
    const ByteVector stored = test::random_bytes(kPixels * channels, channels);
    EXPECT_EQ(decode(stored, {kHeight, kWidth, channels}, Color::kNative), stored);
  }
  const ByteVector deep = test::random_bytes(kPixels * 8, 1);
  EXPECT_EQ(decode(deep, {kHeight, kWidth}, Color::kNative, Compression::kNone, 8), deep);
}

TEST(RawImage, ColorsAreThreeChannels) {
  for (const std::uint32_t channels : {1U, 3U, 4U}) {
    const ByteVector stored = test::random_bytes(kPixels * channels, channels);
    for (const Color color : {Color::kRgb, Color::kBgr}) {
      EXPECT_EQ(decode(stored, {kHeight, kWidth, channels}, color), expected(stored, channels, color));
      EXPECT_EQ(decode(test::lz4_block(stored), {kHeight, kWidth, channels}, color, Compression::kLz4),
                expected(stored, channels, color));
    }
  }
  const ByteVector gray = test::random_bytes(kPixels, 9);
  EXPECT_EQ(decode(gray, {kHeight, kWidth}, Color::kBgr), expected(gray, 1, Color::kBgr));
}

TEST(RawImage, WhatHasNoColorConversionIsNotSupported) {
  EXPECT_EQ(test::kind_of([] { decode(ByteVector(kPixels * 2), {kHeight, kWidth, 2}, Color::kRgb); }),
            base::ErrorKind::kUnsupported);
  EXPECT_EQ(
      test::kind_of([] { decode(ByteVector(kPixels * 6), {kHeight, kWidth, 3}, Color::kRgb, Compression::kNone, 2); }),
      base::ErrorKind::kUnsupported);
}

TEST(RawImage, AnotherNumberOfBytesIsADecodeError) {
  for (const std::uint32_t channels : {1U, 3U, 4U}) {
    for (const Color color : {Color::kNative, Color::kRgb, Color::kBgr}) {
      for (const std::size_t bytes : {std::size_t{0}, kPixels * channels - 1, kPixels * channels + 1}) {
        EXPECT_EQ(test::kind_of([&] { decode(ByteVector(bytes), {kHeight, kWidth, channels}, color); }),
                  base::ErrorKind::kDecode);
      }
    }
  }
}

TEST(RawImage, AnImageWithoutPixelsKeepsItsShapeAndNeedsNoBytes) {
  for (const Compression compression : {Compression::kNone, Compression::kLz4, Compression::kJpeg, Compression::kPng}) {
    for (const base::Shape& shape : {base::Shape{0, 0, 0}, {0, 5, 3}, {4, 0, 1}, {0}}) {
      EXPECT_EQ(decoded_shape(shape, Color::kBgr), shape);
      EXPECT_EQ(decode({}, shape, Color::kBgr, compression), ByteVector());
    }
  }
}

TEST(RawImage, AShapeThatIsNoImagesIsADecodeError) {
  for (const base::Shape& shape : {base::Shape{}, {4}, {2, 2, 3, 1}}) {
    EXPECT_EQ(test::kind_of([&] { image_size(shape); }), base::ErrorKind::kDecode);
    EXPECT_EQ(test::kind_of([&] { decoded_shape(shape, Color::kRgb); }), base::ErrorKind::kDecode);
  }
}

TEST(JpegImage, HasBytesForElements) {
  EXPECT_EQ(test::kind_of([] { decode(test::bytes_of("x"), {4, 4, 3}, Color::kNative, Compression::kJpeg, 2); }),
            base::ErrorKind::kUnsupported);
}

TEST(RawArray, IsCopiedOrDecompressed) {
  const ByteVector array = test::random_bytes(400, 1);
  ByteVector out(400);
  copy_array(Compression::kNone, array, out);
  EXPECT_EQ(out, array);
  out.assign(400, std::byte{0});
  copy_array(Compression::kLz4, test::lz4_block(array), out);
  EXPECT_EQ(out, array);
}

TEST(RawArray, AnotherNumberOfBytesIsADecodeError) {
  for (const std::size_t bytes : {0U, 399U, 401U}) {
    ByteVector out(bytes);
    EXPECT_EQ(test::kind_of([&] { copy_array(Compression::kNone, ByteVector(400), out); }), base::ErrorKind::kDecode);
    EXPECT_EQ(test::kind_of([&] { copy_array(Compression::kLz4, test::lz4_block(ByteVector(400)), out); }),
              base::ErrorKind::kDecode);
  }
}

}  // namespace
}  // namespace penstock::decode
