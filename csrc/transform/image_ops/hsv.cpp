#include <algorithm>
#include <array>
#include <cmath>

#include "transform/image_ops/whole_image.h"

namespace penstock::transform {
namespace {

/// cv2's hue has 180 steps.
constexpr std::int32_t kHues = 180;
constexpr int kShift = 12;

/// Reciprocals in fixed point, as OpenCV has them.
struct Tables {
  std::array<std::int32_t, 256> saturation{};
  std::array<std::int32_t, 256> hue{};

  Tables() {
    for (std::size_t i = 1; i < 256; ++i) {
      saturation[i] = static_cast<std::int32_t>(std::lrint((255 << kShift) / static_cast<double>(i)));
      hue[i] = static_cast<std::int32_t>(std::lrint((kHues << kShift) / (6.0 * static_cast<double>(i))));
    }
  }
};

struct Hsv {
  std::int32_t hue, saturation, value;
};

Hsv to_hsv(const std::uint8_t* bgr, const Tables& tables) {
  const std::int32_t blue = bgr[0], green = bgr[1], red = bgr[2];
  const std::int32_t value = std::max({blue, green, red});
  const std::int32_t range = value - std::min({blue, green, red});
  const std::int32_t sextants = value == red     ? green - blue
                                : value == green ? blue - red + 2 * range
                                                 : red - green + 4 * range;
  constexpr std::int32_t kHalf = 1 << (kShift - 1);
  const std::int32_t hue = (sextants * tables.hue[static_cast<std::size_t>(range)] + kHalf) >> kShift;
  return {hue < 0 ? hue + kHues : hue, (range * tables.saturation[static_cast<std::size_t>(value)] + kHalf) >> kShift,
          value};
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

}  // namespace

void shift_hsv(Image& image, const HsvGains& gains) {
  static const Tables tables;
  /// Pixels that OpenCV's vectors hold, on processors with AVX2.
  constexpr std::int32_t kVector = 32;
  const std::int32_t left_over = image.extent.width / kVector * kVector;
  for (std::int32_t row = 0; row < image.extent.height; ++row) {
    std::uint8_t* pixel = image.pixel<std::uint8_t>(row, 0);
    for (std::int32_t column = 0; column < image.extent.width; ++column, pixel += 4) {
      Hsv hsv = to_hsv(pixel, tables);
      hsv.hue = ((hsv.hue + gains.gains[0]) % kHues + kHues) % kHues;
      hsv.saturation = std::clamp(hsv.saturation + gains.gains[1], 0, 255);
      hsv.value = std::clamp(hsv.value + gains.gains[2], 0, 255);
      to_bgr(hsv, column >= left_over, pixel);
    }
  }
}

}  // namespace penstock::transform
