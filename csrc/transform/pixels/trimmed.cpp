#include "transform/pixels/trimmed.h"

#include <algorithm>
#include <memory>
#include <variant>

#include "transform/pixels/pass.h"
#include "transform/pixels/warp.h"

namespace penstock::transform {
namespace {

using Step = std::vector<PixelStep>::const_iterator;

bool is_overlay(const PixelStep& step) { return std::holds_alternative<Overlay>(step); }

/// The part of an image that steps from `step` on show; all of it where that is not known.
Region shown_by(Step step, Step end, Extent extent, bool floats) {
  Pass pass(extent, floats);
  bool moved = false;
  for (; step != end; ++step) {
    if (const auto* const resize = std::get_if<Resize>(&*step)) {
      // Beside a canvas of ours there would be no room for another one before it, nor for Pillow's way.
      if (moved || resize->pillow) return {0, 0, extent};
    }
    moved = moved || std::holds_alternative<Canvas>(*step);
    if (!pass.add(*step)) break;
  }
  return pass.needed();
}

Canvas cut(const Region& region) { return {region.extent, -region.left, -region.top, {}}; }

/// What lies of [begin, begin + size) in [0, limit), from `begin` on.
struct Part {
  std::int32_t offset, size;
};

Part part_within(std::int32_t begin, std::int32_t size, std::int32_t limit) {
  const std::int32_t first = std::max(begin, 0), last = std::min(begin + size, limit);
  return last > first ? Part{first - begin, last - first} : Part{0, 0};
}

Overlay moved_into(const Overlay& overlay, const Region& region) {
  const Extent extent = extent_of(*overlay.image);
  const std::int32_t left = overlay.left - region.left, top = overlay.top - region.top;
  Part x = part_within(left, extent.width, region.extent.width);
  Part y = part_within(top, extent.height, region.extent.height);
  if (x.size == 0 || y.size == 0) x = y = {0, 0};
  auto image = std::make_shared<PixelPlan>(*overlay.image);
  image->steps.push_back(cut({x.offset, y.offset, {y.size, x.size}}));
  return {std::move(image), left + x.offset, top + y.offset};
}

}  // namespace

std::optional<PixelPlan> trimmed(const PixelPlan& plan) {
  const Step first = std::find_if(plan.steps.begin(), plan.steps.end(), is_overlay);
  if (first == plan.steps.end()) return std::nullopt;
  const Step last = std::find_if_not(first, plan.steps.end(), is_overlay);
  PixelPlan result{plan.source, plan.source_extent, plan.channels, {plan.steps.begin(), first}};
  const Extent extent = extent_of(result);
  const auto* const warp = last == plan.steps.end() ? nullptr : std::get_if<Warp>(&*last);
  const Region region =
      warp != nullptr ? read_by(*warp, extent) : shown_by(last, plan.steps.end(), extent, is_float(result));
  if (region.extent == extent || region.extent.width == 0 || region.extent.height == 0) return std::nullopt;
  result.steps.push_back(cut(region));
  for (Step step = first; step != last; ++step) result.steps.push_back(moved_into(std::get<Overlay>(*step), region));
  if (warp != nullptr) {
    Warp of_part = *warp;
    of_part.left += region.left;
    of_part.top += region.top;
    result.steps.push_back(of_part);
  } else {
    result.steps.push_back(Canvas{extent, region.left, region.top, {}});
  }
  result.steps.insert(result.steps.end(), warp == nullptr ? last : last + 1, plan.steps.end());
  return result;
}

}  // namespace penstock::transform
