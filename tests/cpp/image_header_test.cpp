#include "decode/image_decoder.h"

#include <gtest/gtest.h>

#include <tuple>

#include "base/error.h"
#include "support/bytes.h"
#include "support/expect_error.h"
#include "support/jpeg_files.h"
#include "support/png_files.h"

namespace penstock::decode {
namespace {

constexpr auto kJpeg = format::Compression::kJpeg;
constexpr auto kPng = format::Compression::kPng;

TEST(ImageHeader, ReadsTheSizeOfEveryKindOfJpeg) {
  for (const std::uint32_t channels : {1U, 3U, 4U}) {
    for (const bool progressive : {false, true}) {
      const auto picture = test::make_picture(13, 300, channels, 1);
      const auto file = test::encode_jpeg(picture, test::Subsampling::k444, progressive);
      EXPECT_EQ(read_image_header(kJpeg, file, 1).shape, (base::Shape{13, 300, channels}));
    }
  }
}

TEST(ImageHeader, KnowsWhichPngsDecodersDisagreeAbout) {
  using test::PngKind;
  for (const auto& [kind, depth, item_size, channels, plain] :
       std::vector<std::tuple<PngKind, int, std::uint32_t, std::uint32_t, bool>>{{PngKind::kGray, 8, 1, 1, true},
                                                                                 {PngKind::kGrayAlpha, 8, 1, 2, true},
                                                                                 {PngKind::kRgb, 8, 1, 3, true},
                                                                                 {PngKind::kRgba, 8, 1, 4, true},
                                                                                 {PngKind::kGray, 16, 2, 1, true},
                                                                                 {PngKind::kGray, 1, 1, 1, false},
                                                                                 {PngKind::kGray, 16, 1, 1, false},
                                                                                 {PngKind::kRgb, 16, 2, 3, false},
                                                                                 {PngKind::kGray, 8, 2, 1, false},
                                                                                 {PngKind::kPalette, 8, 1, 1, false}}) {
    const auto file = test::encode_png(test::make_png_picture(kind, depth, 7, 270, 1));
    const ImageHeader header = read_image_header(kPng, file, item_size);
    EXPECT_EQ(header.shape, (base::Shape{7, 270, channels}));
    EXPECT_EQ(header.plain, plain) << static_cast<int>(kind) << " of " << depth << " bits";
  }
}

/// Every prefix, and every byte set to every extreme: the right answer, another sensible one, or a typed error; the
/// sanitizers see that nothing outside is read.
TEST(ImageHeader, SurvivesDamage) {
  const auto jpeg = test::encode_jpeg(test::make_picture(9, 8, 3, 2));
  const auto png = test::encode_png(test::make_png_picture(test::PngKind::kRgb, 8, 9, 8, 2));
  for (const auto& [compression, whole] : {std::pair(kJpeg, jpeg), std::pair(kPng, png)}) {
    const auto read = [compression = compression](const test::ByteVector& file) {
      try {
        const ImageHeader header = read_image_header(compression, file, 1);
        EXPECT_EQ(header.shape.size(), 3U);
        EXPECT_GT(header.shape[0], 0U);
        EXPECT_GT(header.shape[1], 0U);
      } catch (const base::Error& error) {
        EXPECT_EQ(error.kind(), base::ErrorKind::kDecode);
      }
    };
    for (std::size_t size = 0; size < whole.size(); ++size) {
      // A copy of exactly this size, so that a read past its end is one past its allocation.
      read(test::ByteVector(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)));
    }
    for (std::size_t at = 0; at < whole.size(); ++at) {
      for (const unsigned value : {0x00U, 0xFFU, 0xC0U, 0xDAU}) {
        test::ByteVector damaged = whole;
        damaged[at] = static_cast<std::byte>(value);
        read(damaged);
      }
    }
  }
}

TEST(ImageHeader, RefusesWhatIsNeither) {
  const auto text = test::bytes_of("no image, however long it is read for one, at all");
  for (const auto compression : {kJpeg, kPng}) {
    EXPECT_EQ(test::error_of([&] { read_image_header(compression, text, 1); }).kind(), base::ErrorKind::kDecode);
  }
  EXPECT_EQ(test::error_of([&] { read_image_header(format::Compression::kLz4, text, 1); }).kind(),
            base::ErrorKind::kUnsupported);
}

}  // namespace
}  // namespace penstock::decode
