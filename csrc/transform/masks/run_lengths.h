#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "transform/masks/bitmap_masks.h"

namespace penstock::transform {

/// COCO's run-length encoding of a bitmap: lengths of runs of 0 and of 1 in turn, 0 first, down the columns.
using RunLengths = std::vector<std::uint32_t>;

/// The lengths that COCO's compressed text stands for. Error kDecode for text that is none.
RunLengths parse_run_lengths(std::string_view text);

/// The bitmaps that run lengths stand for, one an object. Error kDecode when they do not make up the whole image.
BitmapMasks decode_run_lengths(std::span<const RunLengths> objects, Extent extent);

}  // namespace penstock::transform
