#pragma once

#include "transform/masks/bitmap_masks.h"
#include "transform/masks/polygon_masks.h"

namespace penstock::transform {

/// The pixels of polygons, 0 or 1, exactly those that COCO's tools give (pycocotools' frPyObjects, merge and decode;
/// LoadAnnotations' `poly2mask`, PolygonMasks.to_bitmap): each polygon is filled by the even-odd rule, those of one
/// object are united. Polygons may lie outside of the image, touch and cross themselves.
///
/// Error kDecode for coordinates that are not finite or beyond 2^28, and where COCO's tools fail: an object without
/// polygons, or with a first one of less than three points.
BitmapMasks rasterize(const PolygonLists& lists, Extent extent);

inline BitmapMasks rasterize(const PolygonMasks& masks) { return rasterize(masks.lists(), masks.extent()); }

}  // namespace penstock::transform
