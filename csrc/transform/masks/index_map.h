#pragma once

#include <cstdint>
#include <vector>

namespace penstock::transform {

/// For each row (or column) of a result, the row (or column) of the source that it shows; -1 - n where it lies in the
/// n-th border that was put around the image. What a chain of nearest resizes, flips, crops and pads comes to along
/// one axis.
using IndexMap = std::vector<std::int32_t>;

IndexMap identity_map(std::int32_t length);

/// cv2.resize's INTER_NEAREST; `length` of at least 1.
void resize_nearest(IndexMap& map, std::int32_t length);

/// Rows from `begin` to `end`, both within the map.
void cut(IndexMap& map, std::int32_t begin, std::int32_t end);

/// The map at `begin` of one of `length`, with `border` around it.
void surround(IndexMap& map, std::int32_t begin, std::int32_t length, std::int32_t border);

/// Positions begin..end of the map whose source lies in first..last (exclusive); they follow one another, since every
/// operation keeps the source's rows together and in order.
struct Stretch {
  std::int32_t begin = 0;
  std::int32_t end = 0;
};
Stretch positions_of(const IndexMap& map, std::int32_t first, std::int32_t last);

}  // namespace penstock::transform
