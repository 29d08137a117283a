#include <algorithm>
#include <memory>
#include <stdexcept>
#include <utility>

#include "transform/steps/rules.h"

/// Steps that mix in other samples: Mosaic, MixUp.
namespace penstock::transform::rules {
namespace {

std::int32_t cut(double value) { return static_cast<std::int32_t>(value); }

Color3 gray(double value) {
  const auto level = static_cast<float>(value);
  return {level, level, level};
}

std::shared_ptr<const PixelPlan> plan_of(const Sample& sample) {
  return std::make_shared<const PixelPlan>(sample.pixels);
}

/// Resizes a sample's image to fit into `frame`; returns the factor.
double fit(Sample& sample, Extent frame, const char* step) {
  const double ratio = std::min(static_cast<double>(frame.height) / sample.extent.height,
                                static_cast<double>(frame.width) / sample.extent.width);
  const Extent fitted{cut(sample.extent.height * ratio), cut(sample.extent.width * ratio)};
  if (fitted.height < 1 || fitted.width < 1) refuse(step, "an image would be left without pixels");
  sample.draw(Resize{fitted, false});
  return ratio;
}

void scale_and_shift(Boxes& boxes, double ratio, float x, float y) {
  const auto factor = static_cast<float>(ratio);
  scale(boxes, {factor, factor, factor, factor});
  shift(boxes, x, y);
}

/// Resizes a sample's masks by a factor, and moves them on a canvas.
void move_masks(Sample& sample, double ratio, bool flipped, Extent canvas, std::int32_t x, std::int32_t y) {
  if (!sample.masks) return;
  PolygonMasks* const masks = sample.masks->polygons();
  if (masks == nullptr) throw std::logic_error("masks that are mixed are polygons");
  const Extent extent = masks->extent();
  masks->resize({cut(extent.height * ratio + 0.5), cut(extent.width * ratio + 0.5)});
  if (flipped) masks->flip(true, false);
  masks->translate(canvas, x, y);
}

void keep(Sample& sample, const Keep& which, bool with_masks) {
  if (with_masks) {
    sample.keep_objects(which);
  } else {
    sample.keep_boxes(which);
  }
}

void append_masks(Sample& sample, const Sample& other) {
  if (sample.masks && other.masks) sample.masks->polygons()->append(*other.masks->polygons());
}

/// Where in the mosaic the parts meet.
struct Center {
  std::int32_t x, y;
};

/// Upper left corner in the mosaic of part `number` (0 top left, 1 top right, 2 bottom left, 3 bottom right).
Center corner_of(std::size_t number, Center center, Extent part) {
  return {number % 2 == 0 ? center.x - part.width : center.x, number < 2 ? center.y - part.height : center.y};
}

/// Cuts a sample's image to what lies within the mosaic with the image's corner at (x, y); false: nothing does.
bool cut_to(Sample& sample, Center corner, Extent mosaic) {
  const std::int32_t left = std::max(-corner.x, 0);
  const std::int32_t top = std::max(-corner.y, 0);
  const std::int32_t width = std::min(sample.extent.width, mosaic.width - corner.x) - left;
  const std::int32_t height = std::min(sample.extent.height, mosaic.height - corner.y) - top;
  if (width < 1 || height < 1) return false;
  if (Extent{height, width} != sample.extent) sample.draw(crop_canvas(left, top, {height, width}));
  return true;
}

std::size_t any_item(Draws& draws, const Candidates& candidates) {
  return static_cast<std::size_t>(draws.randint(0, static_cast<std::int64_t>(candidates.table.items())));
}

/// How many samples ago an image came that is taken out of a full cache: _drawn_age in
/// penstock/detection/reference/mix.py, which says why.
template <step::Caches Kind>
std::int64_t age(const Kind& step, Draws& draws) {
  const double size = step.max_cached_images;
  return step.random_pop ? 1 + draws.lasting((size - 1) / size) : draws.randint(1, step.max_cached_images);
}

template <step::Caches Kind>
std::size_t chosen(const Kind& step, Draws& draws, const Candidates& candidates) {
  return step.cached ? candidates.places->before(candidates.own, age(step, draws)) : any_item(draws, candidates);
}

}  // namespace

std::size_t partner(const step::Mosaic& step, Draws& draws, const Candidates& candidates) {
  return chosen(step, draws, candidates);
}

std::size_t partner(const step::MixUp& step, Draws& draws, const Candidates& candidates) {
  std::size_t item = 0;
  for (std::int32_t i = 0; i < step.max_iters; ++i) {
    item = chosen(step, draws, candidates);
    if (candidates.table.box_count(item) != 0) break;
  }
  return item;
}

std::size_t partner(const step::CopyPaste& /*step*/, Draws& draws, const Candidates& candidates) {
  return any_item(draws, candidates);
}

void require_objects(const char* step, const Sample& sample) {
  if (!sample.with_boxes) refuse(step, "'gt_bboxes' are needed, and no boxes are loaded (LoadAnnotations, with_bbox)");
  if (!sample.with_labels)
    refuse(step, "'gt_labels' are needed, and no labels are loaded (LoadAnnotations, with_label)");
}

void mix(const step::Mosaic& step, Sample& sample, Draws& draws, std::span<const Sample> others) {
  if (draws.uniform(0, 1) > step.prob) return;
  require_objects("Mosaic", sample);
  for (const Sample& other : others) require_objects("Mosaic", other);
  const Extent frame{step.img_scale[0], step.img_scale[1]};
  const Extent mosaic{frame.height * 2, frame.width * 2};
  const auto [low, high] = step.center_ratio_range;
  const std::int32_t center_x = cut(draws.uniform(low, high) * frame.width);
  const std::int32_t center_y = cut(draws.uniform(low, high) * frame.height);
  const Center center{center_x, center_y};

  const double ratio = fit(sample, frame, "Mosaic");
  const Center corner = corner_of(0, center, sample.extent);
  scale_and_shift(sample.boxes, ratio, static_cast<float>(corner.x), static_cast<float>(corner.y));
  if (step.cached) move_masks(sample, ratio, false, mosaic, corner.x, corner.y);
  sample.draw(Canvas{mosaic, corner.x, corner.y, gray(step.pad_val)});
  for (std::size_t number = 1; number < 4; ++number) {
    Sample other = others[number - 1];
    const double other_ratio = fit(other, frame, "Mosaic");
    const Center place = corner_of(number, center, other.extent);
    scale_and_shift(other.boxes, other_ratio, static_cast<float>(place.x), static_cast<float>(place.y));
    sample.append_boxes(other);
    if (step.cached) {
      move_masks(other, other_ratio, false, mosaic, place.x, place.y);
      append_masks(sample, other);
    }
    if (cut_to(other, place, mosaic)) {
      sample.draw(Overlay{plan_of(other), std::max(place.x, 0), std::max(place.y, 0)});
    }
  }
  if (step.bbox_clip_border) clip(sample.boxes, mosaic);
  if (!step.skip_filter) sample.keep_boxes(larger_than(sample.boxes, step.min_bbox_size, step.min_bbox_size));
  keep(sample, inside(sample.boxes, mosaic), step.cached);
  sample.meta.img_shape = mosaic;
}

void mix(const step::MixUp& step, Sample& sample, Draws& draws, std::span<const Sample> others) {
  Sample other = others[0];
  if (step.prob && draws.uniform(0, 1) > *step.prob) return;
  if (other.with_boxes && other.boxes.empty()) return;
  require_objects("MixUp", sample);
  require_objects("MixUp", other);
  if (sample.floating || other.floating) refuse("MixUp", "the image is not uint8");
  const Extent frame{step.img_scale[0], step.img_scale[1]};
  const double jitter = draws.uniform(step.ratio_range[0], step.ratio_range[1]);
  const double number = draws.uniform(0, 1);
  const bool flipped = step.flips_above ? number > step.flip_ratio : number < step.flip_ratio;
  const double ratio = fit(other, frame, "MixUp") * jitter;
  other.draw(Canvas{frame, 0, 0, gray(step.pad_val)});
  const Extent jittered{cut(frame.height * jitter), cut(frame.width * jitter)};
  if (jittered.height < 1 || jittered.width < 1) refuse("MixUp", "the other image would be left without pixels");
  if (step.in_doubles) {
    other.draw(ResizeInDoubles{jittered});
  } else {
    other.draw(Resize{jittered, false});
  }
  if (flipped) other.draw(Flip{true, false});

  const Extent target = sample.extent;
  const auto offset = [&](std::int32_t whole, std::int32_t part) {
    return whole > part ? static_cast<std::int32_t>(draws.randint(0, whole - part)) : 0;
  };
  const std::int32_t top = offset(jittered.height, target.height);
  const std::int32_t left = offset(jittered.width, target.width);
  Canvas cut_out = crop_canvas(left, top, target);
  if (step.fills) cut_out.fill = gray(step.pad_val);
  other.draw(cut_out);

  scale_and_shift(other.boxes, ratio, 0, 0);
  if (step.bbox_clip_border) clip(other.boxes, jittered);
  if (flipped) flip(other.boxes, jittered, Direction::kHorizontal);
  const Boxes before = other.boxes;
  shift(other.boxes, -static_cast<float>(left), -static_cast<float>(top));
  if (step.bbox_clip_border) clip(other.boxes, target);
  if (!step.skip_filter) other.keep_boxes(passes(before, other.boxes, step.filter));

  sample.draw(Blend{plan_of(other)});
  sample.append_boxes(other);
  if (step.cached) {
    move_masks(other, ratio, flipped, target, -left, -top);
    append_masks(sample, other);
  }
  keep(sample, inside(sample.boxes, target), step.cached);
  sample.meta.img_shape = target;
}

}  // namespace penstock::transform::rules
