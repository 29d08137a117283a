#pragma once

#include <cstddef>
#include <optional>

#include "base/bytes.h"
#include "pipeline/fetch.h"
#include "pipeline/tensor_source.h"
#include "transform/masks/masks.h"
#include "transform/masks/stored_masks.h"

namespace penstock::pipeline {

/// Where a pipeline's masks come from, and in which of MMDetection's forms they are worked on and come out.
///
/// Bitmaps come out as uint8 (n, h, w). Polygons come out as float64 coordinates, x, y, x, y, ...; and either form
/// with int64 (4 + ...): height, width, number of objects, number of polygons, then each object's end in polygons and
/// each polygon's end in coordinates.
struct MaskSource {
  std::size_t tensor = 0;
  std::optional<transform::Coordinate> polygons;  ///< type of the stored polygons; none: arrays (h, w, n) are stored
  bool bitmaps = true;                            ///< `poly2mask`

  /// The chosen masks of a sample.
  transform::Masks read(const FetchedSample& sample, const TensorSource& source, const transform::MaskChoice& choice,
                        transform::Extent extent) const;
};

struct MaskShapes {
  base::Shape values;
  base::Shape ends;
};

MaskShapes mask_shapes(const transform::Masks& masks);
void write_masks(const transform::Masks& masks, std::byte* values, std::byte* ends);

}  // namespace penstock::pipeline
