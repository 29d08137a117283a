// The decoder's kernels, with each set of instructions that this machine has.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include <hwy/targets.h>

#include "decode/jpeg/colour.h"
#include "decode/jpeg/idct.h"
#include "decode/jpeg/rows.h"
#include "decode/jpeg/turbo_reader.h"
#include "support/jpeg_encoder.h"
#include "support/jpeg_files.h"

namespace penstock::decode {
namespace {

class JpegKernels : public testing::TestWithParam<std::int64_t> {
 protected:
  void SetUp() override { hwy::SetSupportedTargetsForTest(GetParam()); }
  void TearDown() override { hwy::SetSupportedTargetsForTest(0); }
};

/// Those that the decoder uses: without vectors it leaves all files to libjpeg-turbo.
std::vector<std::int64_t> targets() {
  std::vector<std::int64_t> used;
  for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
    hwy::SetSupportedTargetsForTest(target);
    if (jpeg::blocks_of_a_group() > 0) used.push_back(target);
  }
  hwy::SetSupportedTargetsForTest(0);
  return used;
}

std::uint8_t cut(int value) { return static_cast<std::uint8_t>(std::clamp(value, 0, 255)); }

/// libjpeg's sums, for all chroma that there is.
TEST_P(JpegKernels, ColoursAreLibjpegs) {
  constexpr std::size_t kWidth = 256;
  std::vector<std::uint8_t> luma(kWidth + jpeg::kRowPadding), blue(luma.size()), red(luma.size());
  for (std::size_t i = 0; i < kWidth; ++i) red[i] = static_cast<std::uint8_t>(i);
  for (int cb = 0; cb < 256; ++cb) {
    const int y = cb * 91 % 256;
    std::fill(luma.begin(), luma.end(), static_cast<std::uint8_t>(y));
    std::fill(blue.begin(), blue.end(), static_cast<std::uint8_t>(cb));
    std::vector<std::uint8_t> expected;
    for (int cr = 0; cr < 256; ++cr) {
      const auto share = [](int sum) { return (sum + (1 << 15)) >> 16; };
      expected.push_back(cut(y + share(91881 * (cr - 128))));
      expected.push_back(cut(y + share(-22554 * (cb - 128) - 46802 * (cr - 128))));
      expected.push_back(cut(y + share(116130 * (cb - 128))));
    }
    std::vector<std::uint8_t> found(kWidth * 3);
    jpeg::convert_ycc(luma.data(), blue.data(), red.data(), kWidth, jpeg::PixelOrder::kRgb, found.data());
    ASSERT_EQ(found, expected) << cb;
  }
}

TEST_P(JpegKernels, PicturesAreLibjpegTurbos) {
  unsigned seed = 0;
  for (const std::array<int, 2> sampling : {std::array{1, 1}, {2, 1}, {1, 2}, {2, 2}, {4, 1}}) {
    for (const std::uint32_t width : {5U, 33U, 64U, 131U}) {
      const std::uint32_t height = 21 + seed++;
      const auto file = test::encode_baseline(test::make_picture(height, width, 3, seed),
                                              {.across = sampling[0], .down = sampling[1], .quality = 85});
      const ImageSize size{height, width, 3};
      const auto own = jpeg::open_rows(file, size, Color::kRgb, /*padded=*/false);
      ASSERT_NE(own, nullptr);
      std::vector<std::uint8_t> found(std::size_t{width} * 3 * height), expected(found.size());
      own->read(found.data(), std::size_t{width} * 3, height);
      own->finish();
      TurboReader(file, size, Color::kRgb).read(expected.data(), std::size_t{width} * 3, height);
      ASSERT_EQ(found, expected) << width << ", " << sampling[0] << " x " << sampling[1];
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Targets, JpegKernels, testing::ValuesIn(targets()),
                         [](const auto& target) { return std::string(hwy::TargetName(target.param)); });

}  // namespace
}  // namespace penstock::decode
