#include "decode/jpeg.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <tuple>
#include <vector>

#include "base/error.h"
#include "decode/jpeg/turbo_reader.h"
#include "support/bytes.h"
#include "support/expect_error.h"
#include "support/jpeg_files.h"

namespace penstock::decode {
namespace {

using test::ByteVector;
using test::Picture;
using test::PlainFormat;
using test::Subsampling;

ByteVector decode(const ByteVector& file, const ImageSize& size, Color color) {
  ByteVector pixels(static_cast<std::size_t>(size.height) * size.width * (color == Color::kNative ? size.channels : 3));
  kJpeg.decode(file, size, 1, color, pixels);
  return pixels;
}

/// Height and width, subsampling, progressive or not.
class JpegAgainstPlainDecoding
    : public testing::TestWithParam<std::tuple<std::pair<std::uint32_t, std::uint32_t>, Subsampling, bool>> {
 protected:
  std::uint32_t height() const { return std::get<0>(GetParam()).first; }
  std::uint32_t width() const { return std::get<0>(GetParam()).second; }

  ByteVector encode(std::uint32_t channels) const {
    const Picture picture = test::make_picture(height(), width(), channels, 3);
    return test::encode_jpeg(picture, std::get<1>(GetParam()), std::get<2>(GetParam()));
  }
};

TEST_P(JpegAgainstPlainDecoding, Rgb) {
  const ByteVector file = encode(3);
  const ImageSize size{height(), width(), 3};
  const ByteVector rgb = decode(file, size, Color::kNative);
  EXPECT_EQ(rgb, test::decode_jpeg_plainly(file, height(), width(), PlainFormat::kRgb));
  EXPECT_EQ(decode(file, size, Color::kRgb), rgb);
  EXPECT_EQ(decode(file, size, Color::kBgr), test::decode_jpeg_plainly(file, height(), width(), PlainFormat::kBgr));
}

TEST_P(JpegAgainstPlainDecoding, Gray) {
  const ByteVector file = encode(1);
  const ImageSize size{height(), width(), 1};
  const ByteVector gray = decode(file, size, Color::kNative);
  EXPECT_EQ(gray, test::decode_jpeg_plainly(file, height(), width(), PlainFormat::kGray));
  ByteVector replicated;
  for (const std::byte value : gray) replicated.insert(replicated.end(), 3, value);
  EXPECT_EQ(decode(file, size, Color::kRgb), replicated);
  EXPECT_EQ(decode(file, size, Color::kBgr), replicated);
}

TEST_P(JpegAgainstPlainDecoding, CmykComesOutInverted) {
  const ByteVector file = encode(4);
  ByteVector expected = test::decode_jpeg_plainly(file, height(), width(), PlainFormat::kCmyk);
  for (std::byte& value : expected) value = std::byte{255} ^ value;
  EXPECT_EQ(decode(file, {height(), width(), 4}, Color::kNative), expected);
}

TEST_P(JpegAgainstPlainDecoding, BgrIsRgbSwapped) {
  const ByteVector file = encode(3);
  ByteVector swapped = decode(file, {height(), width(), 3}, Color::kRgb);
  for (std::size_t i = 0; i < swapped.size(); i += 3) std::swap(swapped[i], swapped[i + 2]);
  EXPECT_EQ(decode(file, {height(), width(), 3}, Color::kBgr), swapped);
}

TEST_P(JpegAgainstPlainDecoding, RowByRow) {
  const ByteVector file = encode(3);
  const ImageSize size{height(), width(), 3};
  const ByteVector whole = decode(file, size, Color::kBgr);
  TurboReader reader(file, size, Color::kBgr, /*padded=*/true);
  ASSERT_EQ(reader.channels(), 4U);
  const std::size_t stride = std::size_t{width()} * 4 + 5;
  for (std::uint32_t row = 0; row < height();) {
    const std::uint32_t count = std::min(1 + row % 5, height() - row);
    std::vector<std::uint8_t> rows(stride * count);
    reader.read(rows.data(), stride, count);
    for (std::uint32_t i = 0; i < count; ++i, ++row) {
      for (std::size_t value = 0; value < std::size_t{width()} * 3; ++value) {
        ASSERT_EQ(rows[i * stride + value / 3 * 4 + value % 3],
                  std::to_integer<int>(whole[std::size_t{row} * width() * 3 + value]));
      }
    }
  }
  reader.finish();
}

TEST_P(JpegAgainstPlainDecoding, RowsThatAreNotWantedAreChecked) {
  ByteVector file = encode(3);
  const ImageSize size{height(), width(), 3};
  std::vector<std::uint8_t> row(std::size_t{width()} * 3);
  for (std::uint32_t rows = 0; rows <= height(); rows += std::max(1U, height() / 3)) {
    TurboReader reader(file, size, Color::kBgr);
    for (std::uint32_t i = 0; i < rows; ++i) reader.read(row.data(), row.size(), 1);
    EXPECT_NO_THROW(reader.finish());
  }
  file.erase(file.end() - 3, file.end());
  EXPECT_THROW(
      {
        TurboReader reader(file, size, Color::kBgr);
        reader.read(row.data(), row.size(), 1);
        reader.finish();
      },
      base::Error);
}

INSTANTIATE_TEST_SUITE_P(
    All, JpegAgainstPlainDecoding,
    testing::Combine(testing::Values(std::pair{1U, 1U}, std::pair{8U, 16U}, std::pair{17U, 33U}, std::pair{61U, 40U}),
                     testing::Values(Subsampling::k444, Subsampling::k422, Subsampling::k420), testing::Bool()));

TEST(Jpeg, AnotherSizeThanTheDatasetSaysIsRefused) {
  const ByteVector file = test::encode_jpeg(test::make_picture(20, 30, 3, 1));
  for (const ImageSize& size : {ImageSize{20, 31, 3}, {21, 30, 3}, {30, 20, 3}, {1, 1, 3}}) {
    for (const Color color : {Color::kNative, Color::kRgb, Color::kBgr}) {
      const base::Error error = test::error_of([&] { decode(file, size, color); });
      EXPECT_EQ(error.kind(), base::ErrorKind::kDecode);
      EXPECT_NE(error.cause().find("20 x 30"), std::string::npos) << error.cause();
    }
  }
}

TEST(Jpeg, OtherChannelsThanTheDatasetSaysAreRefused) {
  const ByteVector rgb = test::encode_jpeg(test::make_picture(20, 30, 3, 1));
  const ByteVector gray = test::encode_jpeg(test::make_picture(20, 30, 1, 1));
  const ByteVector cmyk = test::encode_jpeg(test::make_picture(20, 30, 4, 1));
  for (const auto& [file, channels] : {std::pair{&rgb, 1U}, {&rgb, 4U}, {&gray, 3U}, {&cmyk, 3U}, {&cmyk, 1U}}) {
    for (const Color color : {Color::kNative, Color::kRgb, Color::kBgr}) {
      const base::Error error = test::error_of([&] { decode(*file, {20, 30, channels}, color); });
      EXPECT_EQ(error.kind(), base::ErrorKind::kDecode);
      EXPECT_NE(error.cause().find("channels"), std::string::npos) << error.cause();
    }
  }
}

TEST(Jpeg, CmykInAnotherColorIsOpenCvs) {
  const ByteVector file = test::encode_jpeg(test::make_picture(20, 30, 4, 1));
  const auto inverted = decode(file, {20, 30, 4}, Color::kNative);
  const auto bgr = decode(file, {20, 30, 4}, Color::kBgr);
  const auto rgb = decode(file, {20, 30, 4}, Color::kRgb);
  ASSERT_EQ(bgr.size(), std::size_t{20 * 30 * 3});
  for (std::size_t pixel = 0; pixel < 20 * 30; ++pixel) {
    const int black = 255 - std::to_integer<int>(inverted[4 * pixel + 3]);
    for (std::size_t i = 0; i < 3; ++i) {
      const int expected = black - (std::to_integer<int>(inverted[4 * pixel + i]) * black >> 8);
      EXPECT_EQ(std::to_integer<int>(rgb[3 * pixel + i]), expected);
      EXPECT_EQ(std::to_integer<int>(bgr[3 * pixel + 2 - i]), expected);
    }
  }
}

}  // namespace
}  // namespace penstock::decode
