#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <cstdint>
#include <vector>

#include "transform/pixels/hsv.h"
#include "transform/pixels/hsv_kernel.h"

namespace penstock::transform {
namespace {

/// Every hue and saturation at some brightness: 2^16 pixels of all kinds of blue, green and red.
Image all_colors(std::int32_t red) {
  Image image({256, 256}, false);
  for (std::int32_t blue = 0; blue < 256; ++blue) {
    for (std::int32_t green = 0; green < 256; ++green) {
      std::uint8_t* const pixel = image.pixel<std::uint8_t>(blue, green);
      pixel[0] = static_cast<std::uint8_t>(blue);
      pixel[1] = static_cast<std::uint8_t>(green);
      pixel[2] = static_cast<std::uint8_t>(red);
      pixel[3] = 0;
    }
  }
  return image;
}

std::vector<std::uint8_t> shifted(std::int32_t red, const HsvGains& gains, std::int64_t target) {
  hwy::SetSupportedTargetsForTest(target);
  Image image = all_colors(red);
  shift_hsv(image, gains);
  hwy::SetSupportedTargetsForTest(0);
  std::vector<std::uint8_t> colors;
  for (std::int32_t i = 0; i < 256 * 256; ++i) {
    const std::uint8_t* const pixel = image.pixel<std::uint8_t>(0, i);
    colors.insert(colors.end(), pixel, pixel + 3);
  }
  return colors;
}

TEST(ShiftHsv, VectorsOfEveryProcessorGiveTheSame) {
  for (const HsvGains& gains : {HsvGains{{0, 0, 0}}, HsvGains{{5, 30, -20}}, HsvGains{{-179, -60, 60}}}) {
    for (const std::int32_t red : {0, 1, 77, 128, 254, 255}) {
      const std::vector<std::uint8_t> expected = shifted(red, gains, HWY_SSE4);  // pixel by pixel
      for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
        ASSERT_EQ(shifted(red, gains, target), expected) << hwy::TargetName(target) << ", red " << red;
      }
    }
  }
}

TEST(ShiftHsv, VectorsAreWholeAndLeaveTheRest) {
  std::vector<std::uint8_t> pixels(4 * 40, 200);
  const std::size_t done = kernels::shift_hsv(pixels.data(), 37, {0, 0, -100});
  EXPECT_LE(done, 37U);
  EXPECT_EQ(pixels[4 * done], 200);
  if (done > 0) {
    EXPECT_LT(pixels[4 * done - 4], 101);
  }
}

}  // namespace
}  // namespace penstock::transform
