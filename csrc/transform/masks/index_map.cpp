#include "transform/masks/index_map.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace penstock::transform {

IndexMap identity_map(std::int32_t length) {
  IndexMap map(static_cast<std::size_t>(length));
  std::iota(map.begin(), map.end(), 0);
  return map;
}

void resize_nearest(IndexMap& map, std::int32_t length) {
  if (static_cast<std::size_t>(length) == map.size()) return;
  // As OpenCV: the factor is the inverse of a rounded quotient, and that rounding decides some pixels.
  const double factor = 1.0 / (static_cast<double>(length) / static_cast<double>(map.size()));
  const std::size_t last = map.size() - 1;
  IndexMap resized(static_cast<std::size_t>(length));
  for (std::size_t i = 0; i < resized.size(); ++i) {
    resized[i] = map[std::min(static_cast<std::size_t>(std::floor(static_cast<double>(i) * factor)), last)];
  }
  map = std::move(resized);
}

void cut(IndexMap& map, std::int32_t begin, std::int32_t end) {
  map.erase(map.begin() + end, map.end());
  map.erase(map.begin(), map.begin() + begin);
}

void surround(IndexMap& map, std::int32_t begin, std::int32_t length, std::int32_t border) {
  IndexMap wider(static_cast<std::size_t>(length), border);
  std::copy(map.begin(), map.end(), wider.begin() + begin);
  map = std::move(wider);
}

Stretch positions_of(const IndexMap& map, std::int32_t first, std::int32_t last) {
  const auto shows = [&](std::int32_t source) { return source >= first && source < last; };
  const auto begin = std::find_if(map.begin(), map.end(), shows);
  const auto end = std::find_if_not(begin, map.end(), shows);
  return {static_cast<std::int32_t>(begin - map.begin()), static_cast<std::int32_t>(end - map.begin())};
}

}  // namespace penstock::transform
