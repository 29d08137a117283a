#pragma once

#include <cstdint>
#include <vector>

#include "transform/steps/sample.h"

namespace penstock::transform {

/// Annotations of the items of a dataset, in flat arrays: row i's boxes are offsets[i]..offsets[i + 1].
struct AnnotationTable {
  std::vector<std::int64_t> indices;  ///< which sample of the dataset each item is, rising
  std::vector<std::uint8_t> flags;    ///< aspect-ratio group of each item: another of its group replaces a rejected one
  std::vector<std::int64_t> offsets;
  Boxes boxes;
  std::vector<std::int64_t> labels;
  std::vector<std::int64_t> mask_rows;  ///< of each box: which of its sample's masks is its own
  std::vector<std::int64_t> ignored_offsets;
  Boxes ignored;
  std::vector<std::int64_t> mask_counts;  ///< of each item: masks of its sample, one for each stored box; or empty
  /// Of each box: 1 where it is ignored and stands among the others. Or empty: those that are ignored are `ignored`.
  std::vector<std::uint8_t> ignore_flags;

  std::size_t items() const { return indices.size(); }
  std::size_t box_count(std::size_t item) const {
    return offsets.empty() ? 0 : static_cast<std::size_t>(offsets[item + 1] - offsets[item]);
  }
  /// Empty where the table has no annotations.
  Annotations of(std::size_t item) const;
  /// The item that is sample `index` of the dataset, which is one of them.
  std::size_t item_of(std::int64_t index) const;
};

}  // namespace penstock::transform
