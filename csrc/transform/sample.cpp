#include "transform/sample.h"

#include <utility>

namespace penstock::transform {
void Sample::draw(PixelStep step) {
  pixels.steps.push_back(std::move(step));
  extent = extent_of(pixels);
  floating = is_float(pixels);
}

void Sample::keep_boxes(const Keep& keep) {
  select(boxes, keep);
  if (with_labels) select(labels, keep);
}

void Sample::keep_objects(const Keep& keep) {
  keep_boxes(keep);
  if (masks) masks->select(keep);
}

}  // namespace penstock::transform
