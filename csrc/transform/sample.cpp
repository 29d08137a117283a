#include "transform/sample.h"

#include <utility>

namespace penstock::transform {
namespace {

template <class... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};
template <class... Cases>
Overloaded(Cases...) -> Overloaded<Cases...>;

/// The extent and type of an image after one more step.
struct Outline {
  Extent extent;
  bool floating;

  void follow(const PixelStep& step) {
    std::visit(Overloaded{[&](const ToFloat&) { floating = true; },
                          [&](const Photometric&) { floating = true; },
                          [&](const Normalize&) { floating = true; },
                          [&](const Canvas& canvas) { extent = canvas.extent; },
                          [&](const Resize& resize) { extent = resize.extent; },
                          [&](const Warp& warp) { extent = warp.extent; },
                          [&](const Blend&) { floating = false; },
                          [](const auto&) {}},
               step);
  }
};

Outline outline_of(const PixelPlan& plan) {
  Outline outline{plan.source_extent, false};
  for (const PixelStep& step : plan.steps) outline.follow(step);
  return outline;
}

}  // namespace

Extent extent_of(const PixelPlan& plan) { return outline_of(plan).extent; }
bool is_float(const PixelPlan& plan) { return outline_of(plan).floating; }

void Sample::draw(PixelStep step) {
  Outline outline{extent, floating};
  outline.follow(step);
  extent = outline.extent;
  floating = outline.floating;
  pixels.steps.push_back(std::move(step));
}

void Sample::keep_objects(const Keep& keep) {
  select(boxes, keep);
  if (with_labels) select(labels, keep);
}

}  // namespace penstock::transform
