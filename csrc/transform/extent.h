#pragma once

#include <cstdint>

namespace penstock::transform {

/// Height and width in pixels.
struct Extent {
  std::int32_t height = 0;
  std::int32_t width = 0;
  bool operator==(const Extent&) const = default;
};

}  // namespace penstock::transform
