#include "transform/pixels/taps.h"

#include <algorithm>
#include <cmath>

namespace penstock::transform {
namespace {

constexpr std::int16_t kOne = 2048;

Tap single(std::int32_t at) { return {at, at, 1.0F, 0.0F, kOne, 0}; }

std::int16_t integer_weight(float weight) { return static_cast<std::int16_t>(std::lrint(weight * float{kOne})); }

}  // namespace

std::vector<Tap> linear_taps(std::int32_t from, std::int32_t to, Axis axis, bool is_float) {
  // Twice inverted, as OpenCV does: the last bit can decide which neighbour is taken.
  const double scale = 1.0 / (static_cast<double>(to) / from);
  std::vector<Tap> taps;
  taps.reserve(static_cast<std::size_t>(to));
  for (std::int32_t i = 0; i < to; ++i) {
    const double exact = (i + 0.5) * scale - 0.5;
    const double at = is_float ? exact : static_cast<float>(exact);
    const auto first = static_cast<std::int32_t>(std::floor(at));
    const auto weight = static_cast<float>(at - first);
    if (axis == Axis::kColumns && (first < 0 || first >= from - 1)) {
      taps.push_back(single(std::clamp(first, 0, from - 1)));
    } else {
      taps.push_back({std::clamp(first, 0, from - 1), std::clamp(first + 1, 0, from - 1), 1.0F - weight, weight,
                      integer_weight(1.0F - weight), integer_weight(weight)});
    }
  }
  return taps;
}

std::vector<Tap> nearest_taps(std::int32_t from, std::int32_t to) {
  const double scale = 1.0 / (static_cast<double>(to) / from);
  std::vector<Tap> taps;
  taps.reserve(static_cast<std::size_t>(to));
  for (std::int32_t i = 0; i < to; ++i) {
    taps.push_back(single(std::min(static_cast<std::int32_t>(std::floor(i * scale)), from - 1)));
  }
  return taps;
}

std::vector<Tap> identity_taps(std::int32_t size) {
  std::vector<Tap> taps;
  taps.reserve(static_cast<std::size_t>(size));
  for (std::int32_t i = 0; i < size; ++i) taps.push_back(single(i));
  return taps;
}

}  // namespace penstock::transform
