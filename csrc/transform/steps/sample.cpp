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
  if (ignore_flags) select("flags", *ignore_flags, keep);
}

void Sample::keep_objects(const Keep& keep) {
  keep_boxes(keep);
  if (masks) masks->select(kept(keep));
}

void Sample::take_objects(std::span<const std::size_t> numbers) {
  take("boxes", boxes, numbers);
  if (with_labels) take("labels", labels, numbers);
  if (ignore_flags) take("flags", *ignore_flags, numbers);
  if (masks) masks->select(numbers);
}

void Sample::append_boxes(const Sample& other) {
  boxes.insert(boxes.end(), other.boxes.begin(), other.boxes.end());
  labels.insert(labels.end(), other.labels.begin(), other.labels.end());
  if (ignore_flags) ignore_flags->insert(ignore_flags->end(), other.ignore_flags->begin(), other.ignore_flags->end());
}

}  // namespace penstock::transform
