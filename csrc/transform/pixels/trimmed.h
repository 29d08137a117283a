#pragma once

#include <optional>

#include "transform/pixels/pixel_plan.h"

namespace penstock::transform {

/// A plan of the same pixels that leaves out what they do not show: of images that are pasted side by side and then cut
/// (Mosaic, and a crop or a warp after it), only the part that is kept is made, in an image of its size. The images
/// themselves all stay, also those of which nothing is seen: one that is damaged is found whatever is cut. Nothing
/// where there is nothing to leave out: most plans have no such images, and are not copied.
std::optional<PixelPlan> trimmed(const PixelPlan& plan);

}  // namespace penstock::transform
