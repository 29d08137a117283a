#include <optional>
#include <vector>

#include "transform/steps/rules.h"

/// Steps that load, filter and format: LoadImageFromFile, LoadAnnotations, FilterAnnotations, DefaultFormatBundle.
namespace penstock::transform::rules {
namespace {

/// numpy's `&`, which repeats a list of one.
Keep both(const Keep& one, const Keep& other) {
  if (one.size() == 1 && other.size() != 1) return both(other, one);
  if (other.size() != 1 || one.size() == 1) check_length("masks", other.size(), one);
  Keep result = one;
  for (std::size_t i = 0; i < result.size(); ++i) result[i] = result[i] && other[other.size() == 1 ? 0 : i];
  return result;
}

}  // namespace

bool apply(const step::LoadImage& step, Sample& sample, Draws& /*draws*/) {
  if (step.to_float32) sample.draw(ToFloat{});
  sample.meta.ori_shape = sample.meta.img_shape = sample.extent;
  return true;
}

void load_annotations(const step::LoadAnnotations& step, Sample& sample, const Source& source) {
  const Annotations& annotations = source.annotations;
  if (step.with_bbox) {
    sample.boxes = annotations.boxes;
    sample.ignored = annotations.ignored;
    sample.ignore_flags = annotations.ignore_flags;
    sample.with_boxes = true;
    if (step.denorm_bbox) {
      const auto width = static_cast<float>(sample.extent.width);
      const auto height = static_cast<float>(sample.extent.height);
      scale(sample.boxes, {width, height, width, height});
    }
  }
  if (step.with_label) {
    sample.labels = annotations.labels;
    sample.with_labels = true;
  }
  if (step.with_mask) sample.masks = source.masks;
}

bool apply(const step::FilterAnnotations& step, Sample& sample, Draws& /*draws*/) {
  std::optional<Keep> by_box;
  std::optional<Keep> by_mask;
  if (step.by_box) by_box = larger_than(sample.boxes, step.min_gt_bbox_wh[0], step.min_gt_bbox_wh[1]);
  if (step.by_mask) {
    if (!sample.masks) refuse("FilterAnnotations", "there are no masks");
    by_mask.emplace();
    for (const double area : sample.masks->areas()) by_mask->push_back(area >= step.min_gt_mask_area);
  }
  // The masks decide whether there is anything to do, where they are asked for.
  const Keep& last = by_mask ? *by_mask : *by_box;
  if (last.empty()) return true;
  const std::vector<std::size_t> numbers = kept(by_mask && by_box ? both(*by_box, *by_mask) : last);
  sample.take_objects(numbers);
  return !numbers.empty() || !step.keep_empty;
}

bool apply(const step::Format& step, Sample& sample, Draws& /*draws*/) {
  if (step.to_float && !sample.floating) sample.draw(ToFloat{});
  return true;
}

}  // namespace penstock::transform::rules
