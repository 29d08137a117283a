#pragma once

#include "transform/pixels/image.h"
#include "transform/pixels/pixel_plan.h"

namespace penstock::transform {

/// Steps that work on an image in memory.

void fill(Image& image, const Fill& fill);
/// Over the rectangle at (left, top), as far as it lies within `base`; values are cut to its element type.
void paste(Image& base, const Image& image, std::int32_t left, std::int32_t top);
/// The mean of two images of one extent, as uint8.
Image blend(const Image& first, const Image& second);
/// `image` where the mask is not 0.
void select(Image& base, const Image& image, const std::vector<std::uint8_t>& mask);

}  // namespace penstock::transform
