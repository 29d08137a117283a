#include <algorithm>
#include <cmath>

#include "transform/pixels/hsv.h"
#include "transform/pixels/hsv_kernel.h"

namespace penstock::transform {
namespace {

using kernels::HsvShift;
using kernels::HsvTables;
using kernels::kHsvShift;
using kernels::kHues;

struct Hsv {
  std::int32_t hue, saturation, value;
};

Hsv to_hsv(const std::uint8_t* bgr, const HsvTables& tables) {
  const std::int32_t blue = bgr[0], green = bgr[1], red = bgr[2];
  const std::int32_t value = std::max({blue, green, red});
  const std::int32_t range = value - std::min({blue, green, red});
  const std::int32_t sextants = value == red     ? green - blue
                                : value == green ? blue - red + 2 * range
                                                 : red - green + 4 * range;
  constexpr std::int32_t kHalf = 1 << (kHsvShift - 1);
  const std::int32_t hue = (sextants * tables.hue[static_cast<std::size_t>(range)] + kHalf) >> kHsvShift;
  return {hue < 0 ? hue + kHues : hue,
          (range * tables.saturation[static_cast<std::size_t>(value)] + kHalf) >> kHsvShift, value};
}

/// OpenCV cuts off decimals where it works by vectors, and rounds the pixels that are left over at the end of a row.
void to_bgr(const Hsv& hsv, bool rounded, std::uint8_t* bgr) {
  const float sextants = static_cast<float>(hsv.hue) * (6.0F / kHues);
  const float saturation = static_cast<float>(hsv.saturation) * (1.0F / 255.0F);
  const float value = static_cast<float>(hsv.value) * (1.0F / 255.0F);
  const auto sector = static_cast<std::size_t>(sextants);
  const float part = sextants - static_cast<float>(sector);
  // OpenCV fuses these subtractions with their multiplications.
  const auto fused = [saturation](float by) { return static_cast<float>(1.0 - static_cast<double>(saturation) * by); };
  const float levels[4] = {value, value * (1.0F - saturation), value * fused(part), value * fused(1.0F - part)};
  static constexpr std::uint8_t kLevels[6][3] = {{1, 3, 0}, {1, 0, 2}, {3, 0, 1}, {0, 2, 1}, {0, 1, 3}, {2, 1, 0}};
  for (std::size_t c = 0; c < 3; ++c) {
    const float level = std::min(levels[kLevels[sector][c]] * 255.0F, 255.0F);
    bgr[c] = static_cast<std::uint8_t>(rounded ? std::lrint(level) : static_cast<long>(level));
  }
}

void shift_pixel(std::uint8_t* pixel, const HsvShift& shift, bool rounded, const HsvTables& tables) {
  const Hsv hsv = to_hsv(pixel, tables);
  to_bgr({(hsv.hue + shift.hue) % kHues, std::clamp(hsv.saturation + shift.saturation, 0, 255),
          std::clamp(hsv.value + shift.value, 0, 255)},
         rounded, pixel);
}

}  // namespace

void shift_hsv(Image& image, const HsvGains& gains) {
  const HsvTables& tables = HsvTables::get();
  const HsvShift shift{(gains.gains[0] % kHues + kHues) % kHues, gains.gains[1], gains.gains[2]};
  /// Pixels that OpenCV's vectors hold, on processors with AVX2.
  constexpr std::int32_t kVector = 32;
  const std::int32_t left_over = image.extent.width / kVector * kVector;
  for (std::int32_t row = 0; row < image.extent.height; ++row) {
    std::uint8_t* const pixels = image.pixel<std::uint8_t>(row, 0);
    auto column = static_cast<std::int32_t>(kernels::shift_hsv(pixels, static_cast<std::size_t>(left_over), shift));
    for (; column < image.extent.width; ++column) shift_pixel(pixels + 4 * column, shift, column >= left_over, tables);
  }
}

}  // namespace penstock::transform
