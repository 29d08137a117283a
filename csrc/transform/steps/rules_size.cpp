#include <algorithm>
#include <cmath>
#include <string>

#include "base/error.h"
#include "transform/steps/rules.h"

/// Steps that change an image's size: Resize, Pad, RandomShift, and the flip.
namespace penstock::transform::rules {
namespace {

std::string text_of(Extent extent) { return std::to_string(extent.height) + " x " + std::to_string(extent.width); }

step::Size truncated(double width, double height) {
  return {static_cast<std::int32_t>(width), static_cast<std::int32_t>(height)};
}

struct Chosen {
  step::Size scale;
  std::optional<std::int32_t> index;
};

Chosen choose_scale(const step::Resize& step, Extent image, Draws& draws) {
  if (!step.img_scale) {
    const auto [along_width, along_height] = *step.scale_factor;
    return {truncated(image.width * along_width + 0.5, image.height * along_height + 0.5), std::nullopt};
  }
  const std::vector<step::Size>& scales = *step.img_scale;
  if (step.ratio_range) {
    const auto [low, high] = *step.ratio_range;
    const double ratio = draws.random() * (high - low) + low;
    return {truncated(scales[0][0] * ratio, scales[0][1] * ratio), std::nullopt};
  }
  if (scales.size() == 1 && step.range_mode) return {scales[0], 0};
  if (!step.range_mode) {
    const std::int64_t index = draws.randint(0, static_cast<std::int64_t>(scales.size()));
    return {scales[static_cast<std::size_t>(index)], static_cast<std::int32_t>(index)};
  }
  std::array<step::Size, 2> ends{scales[0], scales[1]};
  if (step.by_edges) {
    for (step::Size& size : ends) size = {std::max(size[0], size[1]), std::min(size[0], size[1])};
  }
  const auto between = [&](std::size_t edge) {
    const auto [low, high] = std::minmax(ends[0][edge], ends[1][edge]);
    return static_cast<std::int32_t>(draws.randint(low, std::int64_t{high} + 1));
  };
  const std::int32_t first = between(0);
  return {{first, between(1)}, std::nullopt};
}

void decide_scale(const step::Resize& step, Sample& sample, Draws& draws) {
  Meta& meta = sample.meta;
  if (!meta.scale && meta.wanted_factor) {
    meta.scale = truncated(sample.extent.width * *meta.wanted_factor, sample.extent.height * *meta.wanted_factor);
    return;
  }
  if (meta.scale) {
    if (!step.override_scale) {
      if (!meta.scale_factor && !meta.wanted_factor) return;
      refuse("Resize", "scale and scale_factor cannot be both set: the image was resized before");
    }
    meta.scale_factor.reset();
    meta.wanted_factor.reset();
  }
  const Chosen chosen = choose_scale(step, sample.extent, draws);
  meta.scale = chosen.scale;
  if (step.notes_padding || !step.range_mode) meta.scale_idx = chosen.index;
}

/// mmcv's rescale_size: as large as fits, both edges rounded.
Extent rescaled(Extent extent, step::Size scale) {
  const double factor =
      std::min(static_cast<double>(std::max(scale[0], scale[1])) / std::max(extent.height, extent.width),
               static_cast<double>(std::min(scale[0], scale[1])) / std::min(extent.height, extent.width));
  return {static_cast<std::int32_t>(extent.height * factor + 0.5),
          static_cast<std::int32_t>(extent.width * factor + 0.5)};
}

/// OpenCV's conversion of a border's value to uint8.
Color3 rounded(const Color3& value) {
  Color3 result{};
  std::transform(value.begin(), value.end(), result.begin(),
                 [](float level) { return std::clamp(std::nearbyint(level), 0.0F, 255.0F); });
  return result;
}

}  // namespace

void refuse(const char* step, const std::string& cause) {
  throw base::Error(base::ErrorKind::kTransform, std::string(step) + ": " + cause);
}

Canvas crop_canvas(std::int32_t left, std::int32_t top, Extent extent) { return {extent, -left, -top, {}}; }

bool apply(const step::Resize& step, Sample& sample, Draws& draws) {
  decide_scale(step, sample, draws);
  Meta& meta = sample.meta;
  const Extent before = sample.extent;
  const Extent after = step.keep_ratio ? rescaled(before, *meta.scale) : Extent{(*meta.scale)[1], (*meta.scale)[0]};
  if (after.height < 1 || after.width < 1) {
    refuse("Resize", "an image of " + text_of(before) + " would become one of " + text_of(after));
  }
  sample.draw(Resize{after, step.nearest});
  meta.scale_factor = {static_cast<double>(after.width) / before.width,
                       static_cast<double>(after.height) / before.height};
  meta.wanted_factor.reset();
  meta.img_shape = after;
  if (step.notes_padding) meta.pad_shape = after;
  meta.keep_ratio = step.keep_ratio;
  const auto x = static_cast<float>((*meta.scale_factor)[0]);
  const auto y = static_cast<float>((*meta.scale_factor)[1]);
  for (Boxes* boxes : {&sample.ignored, &sample.boxes}) {
    scale(*boxes, {x, y, x, y});
    if (step.bbox_clip_border) clip(*boxes, after);
  }
  if (sample.masks) sample.masks->resize(step.keep_ratio ? rescaled(sample.masks->extent(), *meta.scale) : after);
  return true;
}

bool apply(const step::RandomFlip& step, Sample& sample, Draws& draws) {
  if (step.redraws || !sample.meta.flip) {
    const std::size_t drawn = draws.weighted(step.ratios);
    sample.meta.flip = drawn < step.directions.size() ? step.directions[drawn] : Direction::kNone;
  }
  const Direction direction = *sample.meta.flip;
  if (direction == Direction::kNone) return true;
  const bool horizontal = direction != Direction::kVertical;
  const bool vertical = direction != Direction::kHorizontal;
  sample.draw(Flip{horizontal, vertical});
  if (sample.masks) sample.masks->flip(horizontal, vertical);
  flip(sample.ignored, sample.meta.img_shape, direction);
  flip(sample.boxes, sample.meta.img_shape, direction);
  return true;
}

bool apply(const step::Pad& step, Sample& sample, Draws& /*draws*/) {
  Extent padded = sample.extent;
  if (step.pad_to_square) {
    const std::int32_t edge = std::max(sample.extent.height, sample.extent.width);
    padded = {edge, edge};
    sample.meta.pad_fixed_size = {edge, edge};
  } else if (step.size) {
    padded = {(*step.size)[0], (*step.size)[1]};
    sample.meta.pad_fixed_size = *step.size;
  }
  if (step.size_divisor) {
    const std::int32_t divisor = *step.size_divisor;
    const auto multiple = [divisor](std::int32_t edge) { return (edge + divisor - 1) / divisor * divisor; };
    padded = {multiple(padded.height), multiple(padded.width)};
  }
  padded = {std::max(padded.height, sample.extent.height), std::max(padded.width, sample.extent.width)};
  sample.draw(Canvas{padded, 0, 0, sample.floating ? step.img_val : rounded(step.img_val)});
  sample.meta.pad_shape = padded;
  if (step.grows_img_shape) sample.meta.img_shape = padded;
  if (sample.masks) sample.masks->pad(padded, step.masks_val);
  return true;
}

bool apply(const step::RandomShift& step, Sample& sample, Draws& draws) {
  if (!(draws.random() < step.shift_ratio)) return true;
  const auto x = static_cast<std::int32_t>(draws.randint(-step.max_shift_px, step.max_shift_px));
  const auto y = static_cast<std::int32_t>(draws.randint(-step.max_shift_px, step.max_shift_px));
  const auto moved = [&](Boxes boxes) {
    shift(boxes, static_cast<float>(x), static_cast<float>(y));
    clip(boxes, sample.extent);
    return boxes;
  };
  if (sample.with_boxes) {
    sample.ignored = moved(sample.ignored);
    const Keep ignored = larger_than(sample.ignored, step.filter_thr_px, step.filter_thr_px);
    select("ignored boxes", sample.ignored, ignored);
    Boxes boxes = moved(sample.boxes);
    const Keep keep = larger_than(boxes, step.filter_thr_px, step.filter_thr_px);
    // The ignored boxes have moved by now, the image has not: so does MMDetection.
    if (!any(keep)) return true;
    sample.boxes = std::move(boxes);
    sample.keep_boxes(keep);
  }
  if (std::abs(x) > sample.extent.width || std::abs(y) > sample.extent.height) {
    refuse("RandomShift", "a shift by " + std::to_string(x) + ", " + std::to_string(y) + " exceeds the image of " +
                              text_of(sample.extent));
  }
  sample.draw(Canvas{sample.extent, x, y, {}});
  return true;
}

}  // namespace penstock::transform::rules
