#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include "transform/step_rules.h"

/// CopyPaste.
namespace penstock::transform::rules {
namespace {

/// The sample's masks; where it has none, its boxes.
BitmapMasks masks_of(const Sample& sample) {
  if (!sample.masks) return masks_of_boxes(sample.boxes, sample.extent);
  if (sample.masks->bitmaps() == nullptr) {
    refuse("CopyPaste", "masks have to be bitmaps (LoadAnnotations with poly2mask=True), not polygons");
  }
  return *sample.masks->bitmaps();
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

template <class Row>
std::vector<Row> taken(const std::vector<Row>& rows, const std::vector<std::size_t>& numbers) {
  std::vector<Row> result;
  for (const std::size_t number : numbers) result.push_back(rows[number]);
  return result;
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
  std::vector<std::size_t> chosen;
  if (step.selected) {
    chosen = choose(step, other.boxes.size(), draws);
    other.boxes = taken(other.boxes, chosen);
    if (other.with_labels) other.labels = taken(other.labels, chosen);
  }
  if (other.boxes.empty()) return;
  BitmapMasks pasted = masks_of(other);
  if (step.selected) pasted.select(std::span<const std::size_t>(chosen));
  BitmapMasks masks = masks_of(sample);
  if (masks.extent() != pasted.extent() || masks.extent() != sample.extent || sample.extent != other.extent) {
    refuse("CopyPaste", "images and masks of different sizes cannot be joined: resize, crop and pad to one size before");
  }
  const auto covered = std::make_shared<const std::vector<std::uint8_t>>(pasted.any());
  masks.clear(*covered);
  const Boxes left_over = masks.boxes();
  const std::vector<double> areas = masks.areas();
  Keep keep;
  for (std::size_t i = 0; i < left_over.size(); ++i) {
    keep.push_back(near(sample.boxes[i], left_over[i], step.bbox_occluded_thr) || areas[i] > step.mask_occluded_thr);
  }
  sample.draw(Select{std::make_shared<const PixelPlan>(other.pixels), covered});
  sample.boxes = left_over;
  sample.keep_boxes(keep);
  sample.boxes.insert(sample.boxes.end(), other.boxes.begin(), other.boxes.end());
  sample.labels.insert(sample.labels.end(), other.labels.begin(), other.labels.end());
  if (sample.masks) {
    masks.select(keep);
    masks.append(pasted);
    sample.masks = Masks(std::move(masks));
  }
}

}  // namespace penstock::transform::rules
