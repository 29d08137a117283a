#include "transform/pixels/pixel_plan.h"

#include <type_traits>

namespace penstock::transform {

Extent extent_of(const PixelPlan& plan) {
  Extent extent = plan.source_extent;
  for (const PixelStep& step : plan.steps) {
    std::visit(
        [&extent](const auto& which) {
          if constexpr (requires { which.extent; }) extent = which.extent;
        },
        step);
  }
  return extent;
}

bool is_float(const PixelPlan& plan) {
  bool result = false;
  for (const PixelStep& step : plan.steps) {
    if (std::holds_alternative<ToFloat>(step) || std::holds_alternative<Photometric>(step) ||
        std::holds_alternative<Normalize>(step)) {
      result = true;
    } else if (std::holds_alternative<Blend>(step)) {
      result = false;
    }
  }
  return result;
}

}  // namespace penstock::transform
