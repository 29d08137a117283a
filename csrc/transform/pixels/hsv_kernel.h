#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace penstock::transform::kernels {

/// cv2's 8-bit hue has 180 steps.
inline constexpr std::int32_t kHues = 180;
inline constexpr int kHsvShift = 12;

/// Reciprocals in fixed point, as OpenCV has them.
struct HsvTables {
  std::array<std::int32_t, 256> saturation{};
  std::array<std::int32_t, 256> hue{};

  static const HsvTables& get();
};

/// What is added to hue (0 to 179 here), saturation and value.
struct HsvShift {
  std::int32_t hue = 0;
  std::int32_t saturation = 0;
  std::int32_t value = 0;
};

/// Changes the first of `count` pixels of four bytes (BGR and another) by vectors, and returns how many it has changed:
/// as many as fill whole vectors, or none on processors that do not fuse multiplications with additions, as OpenCV does
/// here.
std::size_t shift_hsv(std::uint8_t* pixels, std::size_t count, const HsvShift& shift);

}  // namespace penstock::transform::kernels
