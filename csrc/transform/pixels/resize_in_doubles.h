#pragma once

#include "transform/pixels/image.h"
#include "transform/pixels/pixel_plan.h"

namespace penstock::transform {

/// Of a uint8 image; see ResizeInDoubles.
Image resize_in_doubles(const Image& image, Extent extent);

}  // namespace penstock::transform
