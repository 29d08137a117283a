#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "transform/masks/bitmap_masks.h"
#include "transform/masks/mask_choice.h"
#include "transform/masks/polygon_masks.h"

namespace penstock::transform {

/// Type of the coordinates in a tensor of polygons.
enum class Coordinate { kFloat32, kFloat64, kInt16, kInt32, kInt64, kUint16, kUint32 };

/// The polygons of a sample of htype "polygon": u16 number of polygons, u16 points of each, then all coordinates,
/// little endian; no bytes at all for none. Each polygon is one object. Error kDecode where the bytes are not what they
/// state or are not as many as chosen from, kUnsupported for points that are not pairs.
PolygonLists read_polygons(base::Bytes stored, Coordinate type);
PolygonLists read_polygons(base::Bytes stored, Coordinate type, const MaskChoice& choice);

/// The bitmaps of a sample of htype "binary_mask" or "segment_mask", an array of shape (height, width, objects) or
/// (height, width), a byte each. `is_bool`: every byte but 0 is 1; otherwise they are kept. Error kDecode where shape,
/// bytes and `extent`, the image's, contradict each other or they are not as many as chosen from, kUnsupported for
/// other shapes.
BitmapMasks read_bitmaps(base::Bytes stored, const base::Shape& shape, bool is_bool, Extent extent);
BitmapMasks read_bitmaps(base::Bytes stored, const base::Shape& shape, bool is_bool, Extent extent,
                         const MaskChoice& choice);

}  // namespace penstock::transform
