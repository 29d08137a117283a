#include "transform/steps/sample.h"

#include <utility>

namespace penstock::transform {

void Sample::draw(PixelStep step) {
  pixels.steps.push_back(std::move(step));
  extent = extent_of(pixels);
  floating = is_float(pixels);
}

void Sample::keep_boxes(const Keep& keep) {
  select("boxes", boxes, keep);
  if (with_labels) select("labels", labels, keep);
}

void Sample::keep_objects(const Keep& keep) {
  keep_boxes(keep);
  if (masks) masks->select(kept(keep));
}

void Sample::take_objects(std::span<const std::size_t> numbers) {
  take("boxes", boxes, numbers);
  if (with_labels) take("labels", labels, numbers);
  if (masks) masks->select(numbers);
}

}  // namespace penstock::transform
