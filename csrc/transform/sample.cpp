#include "transform/sample.h"

#include <utility>

namespace penstock::transform {
void Sample::draw(PixelStep step) {
  pixels.steps.push_back(std::move(step));
  extent = extent_of(pixels);
  floating = is_float(pixels);
}

void Sample::keep_objects(const Keep& keep) {
  select(boxes, keep);
  if (with_labels) select(labels, keep);
}

}  // namespace penstock::transform
