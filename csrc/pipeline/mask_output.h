#pragma once

#include <cstddef>

#include "base/bytes.h"
#include "transform/masks/masks.h"

/// A sample's masks as two arrays of a batch. Bitmaps are uint8 (n, h, w); polygons are float64 coordinates, x and y by
/// turns. Either form has int64 (4 + ...): height, width, number of objects, number of polygons, then each object's end
/// in polygons and each polygon's end in coordinates.
namespace penstock::pipeline {

struct MaskShapes {
  base::Shape values;
  base::Shape ends;
};

MaskShapes mask_shapes(const transform::Masks& masks);
void write_masks(const transform::Masks& masks, std::byte* values, std::byte* ends);

}  // namespace penstock::pipeline
