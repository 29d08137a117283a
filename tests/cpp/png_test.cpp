#include "decode/png.h"

#include <gtest/gtest.h>

#include <optional>

#include "decode/image_decoder.h"
#include "support/bytes.h"
#include "support/expect_error.h"
#include "support/png_files.h"

namespace penstock::decode {
namespace {

using test::ByteVector;
using test::PngKind;
using test::PngPicture;

constexpr std::uint32_t kHeight = 13;
constexpr std::uint32_t kWidth = 21;

/// The samples as Pillow gives them: 16-bit gray as it is, everything else in bytes; the channels of `shape`.
struct Expected {
  std::uint32_t channels;
  std::uint32_t item_size;
  ByteVector pixels;
};

std::byte to_byte(const PngPicture& picture, unsigned sample) {
  if (picture.depth == 16) return static_cast<std::byte>(sample >> 8U);
  if (picture.kind == PngKind::kPalette) return static_cast<std::byte>(sample);
  return static_cast<std::byte>(sample * 255U / ((1U << static_cast<unsigned>(picture.depth)) - 1U));
}

Expected native(const PngPicture& picture) {
  if (picture.kind == PngKind::kGray && picture.depth == 16) return {1, 2, test::bytes_of(picture.samples)};
  Expected expected{picture.channels(), 1, {}};
  const bool spread_out = picture.kind == PngKind::kGrayAlpha && picture.depth == 16;
  if (spread_out) expected.channels = 4;
  for (std::size_t i = 0; i < picture.samples.size(); ++i) {
    // Images of one bit are truth values.
    const std::byte value =
        picture.depth == 1 ? static_cast<std::byte>(picture.samples[i]) : to_byte(picture, picture.samples[i]);
    expected.pixels.insert(expected.pixels.end(), spread_out && i % 2 == 0 ? 3 : 1, value);
  }
  return expected;
}

ByteVector three_channels(const PngPicture& picture, Color color) {
  ByteVector out;
  for (std::size_t i = 0; i < picture.samples.size(); i += picture.channels()) {
    std::byte rgb[3];
    for (std::size_t c = 0; c < 3; ++c) {
      if (picture.kind == PngKind::kPalette) {
        rgb[c] = static_cast<std::byte>(picture.palette[picture.samples[i]][c]);
      } else {
        rgb[c] = to_byte(picture, picture.samples[i + (picture.channels() >= 3 ? c : 0)]);
      }
    }
    if (color == Color::kBgr) std::swap(rgb[0], rgb[2]);
    out.insert(out.end(), rgb, rgb + 3);
  }
  return out;
}

ByteVector decode(const ByteVector& file, const base::Shape& shape, std::uint32_t item_size, Color color) {
  ByteVector pixels(*base::checked_byte_count(decoded_shape(shape, color), item_size));
  decode_image(format::Compression::kPng, file, shape, item_size, color, pixels);
  return pixels;
}

struct Variant {
  const char* name;
  PngKind kind;
  int depth;
};

class PngVariants : public testing::TestWithParam<std::tuple<Variant, bool, bool>> {
 protected:
  PngVariants() {
    const Variant& variant = std::get<0>(GetParam());
    picture_ = test::make_png_picture(variant.kind, variant.depth, kHeight, kWidth, 5);
    picture_.interlaced = std::get<1>(GetParam());
    picture_.transparency = std::get<2>(GetParam());
    const bool has_alpha = variant.kind == PngKind::kGrayAlpha || variant.kind == PngKind::kRgba;
    if (has_alpha) picture_.transparency = false;  // such a file has no tRNS chunk
    file_ = test::encode_png(picture_);
  }

  PngPicture picture_;
  ByteVector file_;
};

TEST_P(PngVariants, NativeIsWhatPillowGives) {
  const Expected expected = native(picture_);
  EXPECT_EQ(decode(file_, {kHeight, kWidth, expected.channels}, expected.item_size, Color::kNative), expected.pixels);
  if (expected.channels == 1) {
    EXPECT_EQ(decode(file_, {kHeight, kWidth}, expected.item_size, Color::kNative), expected.pixels);
  }
}

TEST_P(PngVariants, ColorsAreAlwaysThreeBytes) {
  const std::uint32_t channels = native(picture_).channels;
  for (const Color color : {Color::kRgb, Color::kBgr}) {
    EXPECT_EQ(decode(file_, {kHeight, kWidth, channels}, 1, color), three_channels(picture_, color));
  }
}

TEST_P(PngVariants, OtherChannelsThanTheDatasetSaysAreRefused) {
  const Expected expected = native(picture_);
  for (std::uint32_t channels = 1; channels <= 4; ++channels) {
    if (channels == expected.channels) continue;
    EXPECT_EQ(test::kind_of([&] { decode(file_, {kHeight, kWidth, channels}, expected.item_size, Color::kNative); }),
              base::ErrorKind::kDecode);
    EXPECT_EQ(test::kind_of([&] { decode(file_, {kHeight, kWidth, channels}, 1, Color::kBgr); }),
              base::ErrorKind::kDecode);
  }
}

TEST_P(PngVariants, NativeIsCastToTheTensorsElements) {
  const Expected expected = native(picture_);
  for (const std::uint32_t item_size : {1U, 2U, 4U, 8U}) {
    ByteVector cast;
    for (std::size_t i = 0; i < expected.pixels.size(); ++i) {
      const std::size_t byte = i % expected.item_size;
      if (byte < item_size) cast.push_back(expected.pixels[i]);
      if (byte + 1 == expected.item_size && item_size > expected.item_size) {
        cast.insert(cast.end(), item_size - expected.item_size, std::byte{0});
      }
    }
    EXPECT_EQ(decode(file_, {kHeight, kWidth, expected.channels}, item_size, Color::kNative), cast) << item_size;
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, PngVariants,
    testing::Combine(testing::Values(Variant{"Gray1", PngKind::kGray, 1}, Variant{"Gray2", PngKind::kGray, 2},
                                     Variant{"Gray4", PngKind::kGray, 4}, Variant{"Gray8", PngKind::kGray, 8},
                                     Variant{"Gray16", PngKind::kGray, 16},
                                     Variant{"GrayAlpha8", PngKind::kGrayAlpha, 8},
                                     Variant{"GrayAlpha16", PngKind::kGrayAlpha, 16}, Variant{"Rgb8", PngKind::kRgb, 8},
                                     Variant{"Rgb16", PngKind::kRgb, 16}, Variant{"Rgba8", PngKind::kRgba, 8},
                                     Variant{"Rgba16", PngKind::kRgba, 16}, Variant{"Palette1", PngKind::kPalette, 1},
                                     Variant{"Palette2", PngKind::kPalette, 2},
                                     Variant{"Palette4", PngKind::kPalette, 4},
                                     Variant{"Palette8", PngKind::kPalette, 8}),
                     testing::Bool(), testing::Bool()),
    [](const testing::TestParamInfo<PngVariants::ParamType>& variant) {
      return std::string(std::get<0>(variant.param).name) + (std::get<1>(variant.param) ? "Interlaced" : "") +
             (std::get<2>(variant.param) ? "Transparent" : "");
    });

TEST(Png, AnotherSizeThanTheDatasetSaysIsRefused) {
  const ByteVector file = test::encode_png(test::make_png_picture(PngKind::kRgb, 8, 20, 30, 1));
  for (const base::Shape& shape : {base::Shape{20, 31, 3}, {21, 30, 3}, {30, 20, 3}, {1, 1, 3}}) {
    const base::Error error = test::error_of([&] { decode(file, shape, 1, Color::kBgr); });
    EXPECT_EQ(error.kind(), base::ErrorKind::kDecode);
    EXPECT_NE(error.cause().find("20 x 30"), std::string::npos) << error.cause();
  }
}

TEST(Png, EveryTruncationInOrBeforeThePixelsIsRefused) {
  for (const bool interlaced : {false, true}) {
    PngPicture picture = test::make_png_picture(PngKind::kRgb, 8, kHeight, kWidth, 2);
    picture.interlaced = interlaced;
    const ByteVector file = test::encode_png(picture);
    const ByteVector whole = decode(file, {kHeight, kWidth, 3}, 1, Color::kRgb);
    // The twelve bytes of the end chunk and the checksum of the pixels' last one may be missing: Pillow does not
    // look at them either.
    constexpr std::size_t kEndAndChecksums = 20;
    for (std::size_t length = 0; length < file.size(); ++length) {
      const ByteVector prefix(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(length));
      std::optional<ByteVector> pixels;
      try {
        pixels = decode(prefix, {kHeight, kWidth, 3}, 1, Color::kRgb);
      } catch (const base::Error& error) {
        EXPECT_EQ(error.kind(), base::ErrorKind::kDecode);
      }
      EXPECT_TRUE(!pixels || *pixels == whole);
      EXPECT_TRUE(!pixels || length + kEndAndChecksums >= file.size()) << length << " of " << file.size();
    }
  }
}

TEST(Png, NoFlippedBitDoesMoreThanRaiseAnError) {
  for (const PngKind kind : {PngKind::kGray, PngKind::kRgba, PngKind::kPalette}) {
    PngPicture picture = test::make_png_picture(kind, 8, 7, 9, 2);
    picture.interlaced = kind == PngKind::kRgba;
    const ByteVector file = test::encode_png(picture);
    for (std::size_t position = 0; position < file.size(); ++position) {
      for (const Color color : {Color::kNative, Color::kBgr}) {
        ByteVector damaged = file;
        damaged[position] ^= static_cast<std::byte>(1U << (position % 8));
        try {
          decode(damaged, {7, 9, picture.channels()}, 1, color);
        } catch (const base::Error& error) {
          EXPECT_TRUE(error.kind() == base::ErrorKind::kDecode || error.kind() == base::ErrorKind::kUnsupported);
        }
      }
    }
  }
}

TEST(Png, WhatIsNoPngIsRefused) {
  for (const ByteVector& file : {ByteVector(), test::bytes_of("not an image"), test::random_bytes(5000, 1)}) {
    EXPECT_EQ(test::kind_of([&] { decode(file, {2, 2, 3}, 1, Color::kRgb); }), base::ErrorKind::kDecode);
  }
}

}  // namespace
}  // namespace penstock::decode
