#include "transform/pixels/pillow_taps.h"

#include <algorithm>
#include <cmath>

namespace penstock::transform {

PillowTaps pillow_linear_taps(std::int32_t from, std::int32_t to) {
  const double scale = static_cast<double>(from) / to;
  // An enlarged image's pixel covers less than one; the triangle never gets narrower than that.
  const double widening = std::max(scale, 1.0);
  const double reach = widening;
  const double narrowing = 1.0 / widening;
  PillowTaps taps;
  taps.most = static_cast<std::size_t>(std::ceil(reach)) * 2 + 1;
  taps.weights.assign(taps.most * static_cast<std::size_t>(to), 0);
  std::vector<double> weights(taps.most);
  for (std::int32_t i = 0; i < to; ++i) {
    const double center = (i + 0.5) * scale;
    const std::int32_t first = std::max(static_cast<std::int32_t>(center - reach + 0.5), 0);
    const std::int32_t end = std::min(static_cast<std::int32_t>(center + reach + 0.5), from);
    double sum = 0;
    for (std::int32_t at = first; at < end; ++at) {
      const double distance = std::abs((at - center + 0.5) * narrowing);
      double& weight = weights[static_cast<std::size_t>(at - first)];
      weight = distance < 1.0 ? 1.0 - distance : 0.0;
      sum += weight;
    }
    for (std::int32_t at = first; at < end; ++at) {
      const auto place = static_cast<std::size_t>(at - first);
      const double share = sum != 0.0 ? weights[place] / sum : weights[place];
      taps.weights[static_cast<std::size_t>(i) * taps.most + place] =
          static_cast<std::int32_t>(0.5 + share * (1 << PillowTaps::kWeightBits));
    }
    taps.first.push_back(first);
    taps.counts.push_back(end - first);
  }
  return taps;
}

std::vector<Tap> pillow_nearest_taps(std::int32_t from, std::int32_t to) {
  const double scale = static_cast<double>(from) / to;
  std::vector<Tap> taps = identity_taps(to);
  // Positions are summed up, which rounds otherwise than a product.
  double position = scale * 0.5;
  for (Tap& tap : taps) {
    tap.first = tap.second = std::min(static_cast<std::int32_t>(position), from - 1);
    position += scale;
  }
  return taps;
}

}  // namespace penstock::transform
