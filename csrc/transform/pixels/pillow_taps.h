#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "transform/pixels/taps.h"

namespace penstock::transform {

/// Of which neighbours along one axis Pillow makes a pixel, and with what weights: those of its BILINEAR, which covers
/// all pixels that a smaller image's pixel covers.
struct PillowTaps {
  /// Weights are of 2 to the power of this.
  static constexpr int kWeightBits = 22;

  std::size_t most = 0;               ///< neighbours of one pixel
  std::vector<std::int32_t> first;    ///< for each pixel the first of them
  std::vector<std::int32_t> counts;   ///< and how many they are
  std::vector<std::int32_t> weights;  ///< `most` for each pixel; those beyond its count are 0
};

PillowTaps pillow_linear_taps(std::int32_t from, std::int32_t to);
/// Pillow's NEAREST.
std::vector<Tap> pillow_nearest_taps(std::int32_t from, std::int32_t to);

}  // namespace penstock::transform
