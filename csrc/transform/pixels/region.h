#pragma once

#include <cstdint>

#include "transform/extent.h"

namespace penstock::transform {

/// A rectangle of an image.
struct Region {
  std::int32_t left = 0;
  std::int32_t top = 0;
  Extent extent;
};

}  // namespace penstock::transform
