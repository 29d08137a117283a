#pragma once

#include "transform/pixels/image.h"
#include "transform/pixels/pixel_plan.h"

namespace penstock::transform {

/// Of a uint8 image; see LevelBlend.
void blend_levels(Image& image, const LevelBlend& step);

}  // namespace penstock::transform
