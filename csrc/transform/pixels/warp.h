#pragma once

#include "transform/pixels/image.h"
#include "transform/pixels/pixel_plan.h"
#include "transform/pixels/region.h"

namespace penstock::transform {

Image warp(const Image& image, const Warp& warp);

/// The part of an image of this extent that a warp of it reads; all of it where that is not easily told.
Region read_by(const Warp& warp, const Extent& extent);

}  // namespace penstock::transform
