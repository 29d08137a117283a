#pragma once

#include <cstddef>
#include <cstdint>

#include "transform/pixels/pixel_plan.h"
#include "transform/pixels/scratch.h"

namespace penstock::transform {

/// An image between two passes: pixels of four values, uint8 or float32, of which the fourth means nothing.
struct Image {
  Extent extent;
  bool is_float = false;
  Scratch memory;

  Image() = default;
  Image(const Extent& size, bool floats)
      : extent(size),
        is_float(floats),
        memory(static_cast<std::size_t>(size.height) * static_cast<std::size_t>(size.width) * 4 * (floats ? 4 : 1)) {}

  template <class T>
  T* pixel(std::int32_t row, std::int32_t column) const {
    return memory.as<T>() + 4 * (static_cast<std::size_t>(row) * static_cast<std::size_t>(extent.width) +
                                 static_cast<std::size_t>(column));
  }
};

}  // namespace penstock::transform
