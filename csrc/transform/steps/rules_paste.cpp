#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <utility>

#include "transform/steps/rules.h"

/// CopyPaste.
namespace penstock::transform::rules {
namespace {

/// The sample's masks; where it has none, its boxes.
Masks masks_of(const Sample& sample) {
  return sample.masks ? *sample.masks : Masks(masks_of_boxes(sample.boxes, sample.extent));
}

BitmapMasks bitmaps_of(const Masks& masks) {
  if (masks.bitmaps() == nullptr) {
    refuse("CopyPaste", "masks have to be bitmaps (LoadAnnotations with poly2mask=True), not polygons");
  }
  return *masks.bitmaps();
}

/// Numbers of the objects that are pasted; perhaps none.
std::vector<std::size_t> choose(const step::CopyPaste& step, std::size_t count, Draws& draws) {
  const std::int64_t most = std::min(static_cast<std::int64_t>(count) + 1, std::int64_t{step.max_num_pasted});
  if (most < 1) refuse("CopyPaste", "max_num_pasted leaves nothing to draw");
  const auto number = static_cast<std::size_t>(draws.randint(0, most));
  std::vector<std::size_t> chosen = draws.permutation(count);
  chosen.resize(std::min(number, count));
  return chosen;
}

/// Whether a box has hardly changed by what was pasted over its object.
bool near(const Box& box, const Box& left_over, double threshold) {
  for (std::size_t i = 0; i < box.size(); ++i) {
    if (!(std::abs(left_over[i] - box[i]) <= static_cast<float>(threshold))) return false;
  }
  return true;
}

}  // namespace

void mix(const step::CopyPaste& step, Sample& sample, Draws& draws, std::span<const Sample> others) {
  Sample other = others[0];
  require_objects("CopyPaste", sample);
  require_objects("CopyPaste", other);
  const bool with_masks = sample.masks && other.masks;
  const Masks own_masks = masks_of(sample);
  // Of all the boxes, before some of them are chosen.
  other.masks = masks_of(other);
  if (step.selected) other.take_objects(choose(step, other.boxes.size(), draws));
  if (other.boxes.empty()) {
    if (!with_masks) sample.masks.reset();
    return;
  }
  BitmapMasks pasted = bitmaps_of(*other.masks);
  BitmapMasks masks = bitmaps_of(own_masks);
  if (masks.extent() != pasted.extent() || masks.extent() != sample.extent || sample.extent != other.extent) {
    refuse("CopyPaste",
           "images and masks of different sizes cannot be joined: resize, crop and pad to one size before");
  }
  const auto covered = std::make_shared<const std::vector<std::uint8_t>>(pasted.any());
  masks.clear(*covered);
  if (masks.size() != sample.boxes.size()) {
    refuse("CopyPaste", "there are " + std::to_string(masks.size()) + " masks for " +
                            std::to_string(sample.boxes.size()) + " boxes: a step before has changed the boxes alone");
  }
  const Boxes left_over = masks.boxes();
  const std::vector<double> areas = masks.areas();
  Keep keep;
  for (std::size_t i = 0; i < left_over.size(); ++i) {
    keep.push_back(near(sample.boxes[i], left_over[i], step.bbox_occluded_thr) || areas[i] > step.mask_occluded_thr);
  }
  sample.draw(Select{std::make_shared<const PixelPlan>(other.pixels), covered});
  sample.boxes = left_over;
  sample.keep_boxes(keep);
  sample.append_boxes(other);
  sample.masks.reset();
  if (with_masks) {
    masks.select(kept(keep));
    masks.append(pasted);
    sample.masks = Masks(std::move(masks));
  }
}

}  // namespace penstock::transform::rules
