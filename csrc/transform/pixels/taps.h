#pragma once

#include <cstdint>
#include <vector>

namespace penstock::transform {

/// The two neighbours along one axis of which a resized pixel is the weighted mean, as OpenCV chooses them. Integer
/// weights, of 2048, are those of uint8 images.
struct Tap {
  std::int32_t first;
  std::int32_t second;
  float first_weight;
  float second_weight;
  std::int16_t first_integer;
  std::int16_t second_integer;
};

enum class Axis { kColumns, kRows };

/// From `from` to `to` coordinates. OpenCV treats the edges of columns and rows differently, and rounds positions to
/// single precision for uint8 images, not for float32 (where it calls IPP).
std::vector<Tap> linear_taps(std::int32_t from, std::int32_t to, Axis axis, bool is_float);
std::vector<Tap> nearest_taps(std::int32_t from, std::int32_t to);
/// Each coordinate is itself.
std::vector<Tap> identity_taps(std::int32_t size);

}  // namespace penstock::transform
