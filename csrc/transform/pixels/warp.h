#pragma once

#include "transform/pixels/image.h"
#include "transform/pixels/pixel_plan.h"

namespace penstock::transform {

Image warp(const Image& image, const Warp& warp);

}  // namespace penstock::transform
