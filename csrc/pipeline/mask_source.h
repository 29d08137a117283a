#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "pipeline/fetch.h"
#include "pipeline/tensor_source.h"
#include "transform/masks/masks.h"
#include "transform/masks/stored_masks.h"

namespace penstock::pipeline {

/// Where a pipeline's masks come from, and in which of MMDetection's forms they are worked on and come out.
struct MaskSource {
  std::size_t tensor = 0;
  std::optional<transform::Coordinate> polygons;  ///< type of the stored polygons; none: arrays (h, w, n) are stored
  bool bitmaps = true;                            ///< `poly2mask`

  /// The chosen masks of a sample. `ignore_flags`: null, or of each mask; an object without a polygon of three points
  /// is then ignored, with a mask of no size in the corner (MMDetection 3), where it is an error else.
  transform::Masks read(const FetchedSample& sample, const TensorSource& source, const transform::MaskChoice& choice,
                        transform::Extent extent, std::vector<std::uint8_t>* ignore_flags) const;
};

}  // namespace penstock::pipeline
