#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#include "transform/steps/rules.h"

/// Steps that cut out or embed: RandomCrop, MinIoURandomCrop, Expand.
namespace penstock::transform::rules {
namespace {

std::int32_t cut(double value) { return static_cast<std::int32_t>(value); }

/// Height and width of a crop, which may exceed the image's.
Extent crop_extent(const step::RandomCrop& step, Extent image, Draws& draws) {
  const auto [first, second] = step.crop_size;
  switch (step.crop_type) {
    case step::CropType::kAbsolute:
      return {std::min(cut(first), image.height), std::min(cut(second), image.width)};
    case step::CropType::kAbsoluteRange: {
      const auto edge = [&, low = cut(first), high = cut(second)](std::int32_t whole) {
        return static_cast<std::int32_t>(draws.randint(std::min(whole, low), std::min(whole, high) + 1));
      };
      const std::int32_t height = edge(image.height);
      return {height, edge(image.width)};
    }
    case step::CropType::kRelative:
      return {cut(image.height * first + 0.5), cut(image.width * second + 0.5)};
    case step::CropType::kRelativeRange: {
      // The bounds are float32 in MMDetection, the draws are not.
      const auto share = [&](double least_share) {
        const auto low = static_cast<float>(least_share);
        return static_cast<double>(low) + draws.random() * static_cast<double>(1 - low);
      };
      const double height = share(first);
      const double width = share(second);
      return {cut(image.height * height + 0.5), cut(image.width * width + 0.5)};
    }
  }
  return image;
}

/// Moves boxes into the crop; which of them are still there.
Keep cropped(const step::RandomCrop& step, Boxes& boxes, std::int32_t left, std::int32_t top, Extent crop) {
  shift(boxes, -static_cast<float>(left), -static_cast<float>(top));
  if (step.bbox_clip_border) clip(boxes, crop);
  if (step.keeps_inside) return inside(boxes, crop);
  Keep keep;
  for (const Box& box : boxes) keep.push_back(box[2] > box[0] && box[3] > box[1]);
  return keep;
}

struct Patch {
  std::int32_t left, top, right, bottom;
};

Keep centers_inside(const Boxes& boxes, const Patch& patch) {
  Keep keep;
  for (const Box& box : boxes) {
    const float x = (box[0] + box[2]) / 2;
    const float y = (box[1] + box[3]) / 2;
    keep.push_back(x > static_cast<float>(patch.left) && y > static_cast<float>(patch.top) &&
                   x < static_cast<float>(patch.right) && y < static_cast<float>(patch.bottom));
  }
  return keep;
}

/// A patch, or none where this try gives none. Four draws, or two where its shape is too narrow.
std::optional<Patch> try_patch(const step::MinIoURandomCrop& step, Extent image, Draws& draws) {
  const double width = draws.uniform(step.min_crop_size * image.width, image.width);
  const double height = draws.uniform(step.min_crop_size * image.height, image.height);
  if (height / width < 0.5 || height / width > 2) return std::nullopt;
  // uniform(x) of numpy has x for its lower bound and 1 for its upper one.
  const double left = draws.uniform(image.width - width, 1);
  const double top = draws.uniform(image.height - height, 1);
  const Patch patch{cut(left), cut(top), cut(left + width), cut(top + height)};
  if (patch.right == patch.left || patch.bottom == patch.top) return std::nullopt;
  return patch;
}

bool covers_enough(const Patch& patch, const Boxes& boxes, double min_iou) {
  const Box box{static_cast<float>(patch.left), static_cast<float>(patch.top), static_cast<float>(patch.right),
                static_cast<float>(patch.bottom)};
  float lowest = std::numeric_limits<float>::infinity();
  for (const float overlap : overlaps(box, boxes)) lowest = least(lowest, overlap);
  return !(static_cast<double>(lowest) < min_iou);
}

void move_into(const Patch& patch, Boxes& boxes, bool clip_border) {
  for (Box& box : boxes) {
    if (clip_border) {
      box[2] = least(box[2], static_cast<float>(patch.right));
      box[3] = least(box[3], static_cast<float>(patch.bottom));
      box[0] = greatest(box[0], static_cast<float>(patch.left));
      box[1] = greatest(box[1], static_cast<float>(patch.top));
    }
  }
  shift(boxes, -static_cast<float>(patch.left), -static_cast<float>(patch.top));
}

}  // namespace

bool apply(const step::RandomCrop& step, Sample& sample, Draws& draws) {
  const Extent image = sample.extent;
  const Extent wanted = crop_extent(step, image, draws);
  if (wanted.height < 1 || wanted.width < 1) refuse("RandomCrop", "the crop would have no pixels");
  const auto offset = [&](std::int32_t whole, std::int32_t part) {
    return static_cast<std::int32_t>(draws.randint(0, std::max(whole - part, 0) + 1));
  };
  const std::int32_t top = offset(image.height, wanted.height);
  const std::int32_t left = offset(image.width, wanted.width);
  const Extent crop{std::min(wanted.height, image.height), std::min(wanted.width, image.width)};
  sample.draw(crop_canvas(left, top, crop));
  sample.meta.img_shape = crop;
  if (!sample.with_boxes) return true;
  const Keep ignored = cropped(step, sample.ignored, left, top, crop);
  select("ignored boxes", sample.ignored, ignored);
  const Keep keep = cropped(step, sample.boxes, left, top, crop);
  if (!any(keep) && !step.allow_negative_crop) return false;
  sample.keep_objects(keep);
  if (sample.masks) {
    sample.masks->crop(left, top, left + wanted.width, top + wanted.height);
    if (step.recompute_bbox) sample.boxes = sample.masks->boxes();
  }
  return true;
}

bool apply(const step::MinIoURandomCrop& step, Sample& sample, Draws& draws) {
  constexpr int kTries = 50;
  std::vector<double> modes{1};
  modes.insert(modes.end(), step.min_ious.begin(), step.min_ious.end());
  modes.push_back(0);
  Boxes all = sample.ignored;
  all.insert(all.end(), sample.boxes.begin(), sample.boxes.end());
  for (;;) {
    const double mode = modes[static_cast<std::size_t>(draws.randint(0, static_cast<std::int64_t>(modes.size())))];
    if (mode == 1) return true;
    for (int i = 0; i < kTries; ++i) {
      const std::optional<Patch> patch = try_patch(step, sample.extent, draws);
      if (!patch) continue;
      if (!all.empty()) {
        if (!covers_enough(*patch, all, mode) || !any(centers_inside(all, *patch))) continue;
        select("ignored boxes", sample.ignored, centers_inside(sample.ignored, *patch));
        move_into(*patch, sample.ignored, step.bbox_clip_border);
        sample.keep_objects(centers_inside(sample.boxes, *patch));
        move_into(*patch, sample.boxes, step.bbox_clip_border);
        if (sample.masks) sample.masks->crop(patch->left, patch->top, patch->right, patch->bottom);
      }
      const Extent crop{patch->bottom - patch->top, patch->right - patch->left};
      sample.draw(crop_canvas(patch->left, patch->top, crop));
      sample.meta.img_shape = crop;
      return true;
    }
  }
}

bool apply(const step::Expand& step, Sample& sample, Draws& draws) {
  if (draws.uniform(0, 1) > step.prob) return true;
  const Extent image = sample.extent;
  const double ratio = draws.uniform(step.ratio_range[0], step.ratio_range[1]);
  const Extent canvas{cut(image.height * ratio), cut(image.width * ratio)};
  const std::int32_t left = cut(draws.uniform(0, image.width * ratio - image.width));
  const std::int32_t top = cut(draws.uniform(0, image.height * ratio - image.height));
  if (canvas.height < top + image.height || canvas.width < left + image.width) {
    refuse("Expand", "a ratio below 1 leaves no room for the image");
  }
  sample.draw(Canvas{canvas, left, top, step.fill});
  if (step.grows_img_shape) sample.meta.img_shape = canvas;
  shift(sample.ignored, static_cast<float>(left), static_cast<float>(top));
  shift(sample.boxes, static_cast<float>(left), static_cast<float>(top));
  if (sample.masks) sample.masks->expand(canvas, left, top);
  return true;
}

}  // namespace penstock::transform::rules
