#pragma once

#include "transform/pixels/image.h"
#include "transform/pixels/pixel_plan.h"

namespace penstock::transform {

/// On uint8 images.
void shift_hsv(Image& image, const HsvGains& gains);

}  // namespace penstock::transform
