#pragma once

#include <cstddef>
#include <optional>
#include <vector>

namespace penstock::transform {

/// Which of a sample's masks belong to the boxes that are used of it.
struct MaskChoice {
  std::vector<std::size_t> rows;      ///< their numbers, in the order of the boxes
  std::optional<std::size_t> stored;  ///< how many masks there must be: one for each box that is stored; or not known
};

}  // namespace penstock::transform
