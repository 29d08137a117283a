#include <algorithm>
#include <cmath>
#include <string>

#include "transform/steps/rules.h"

/// Steps of Detectron2's: ResizeShortestEdge, ResizeScale, ResizeExactly, FixedSizeCrop, RandomLevels. They run before
/// annotations are loaded; boxes that are there all the same go with the image, masks are refused.
namespace penstock::transform::rules {
namespace {

void refuse_masks(const char* step, const Sample& sample) {
  if (sample.masks) refuse(step, "masks are loaded before it, which it does not move");
}

bool resize_to(const char* step, Sample& sample, Extent after, bool nearest) {
  refuse_masks(step, sample);
  if (sample.floating) refuse(step, "the image is float32, not uint8");
  const Extent before = sample.extent;
  if (after.height < 1 || after.width < 1) {
    const auto text = [](Extent extent) {
      return std::to_string(extent.height) + " x " + std::to_string(extent.width);
    };
    refuse(step, "an image of " + text(before) + " would become one of " + text(after) + " (height x width)");
  }
  sample.draw(Resize{after, nearest, true});
  sample.meta.img_shape = after;
  const auto x = static_cast<float>(static_cast<double>(after.width) / before.width);
  const auto y = static_cast<float>(static_cast<double>(after.height) / before.height);
  for (Boxes* boxes : {&sample.ignored, &sample.boxes}) scale(*boxes, {x, y, x, y});
  return true;
}

/// Both edges times one factor, in the order of operations in which Detectron2 rounds.
Extent with_short_edge(Extent extent, std::int64_t edge, std::int64_t max_size) {
  const auto shortest = static_cast<double>(edge);
  const double factor = shortest / std::min(extent.height, extent.width);
  double height = shortest;
  double width = shortest;
  if (extent.height < extent.width) {
    width = factor * extent.width;
  } else {
    height = factor * extent.height;
  }
  const double longest = std::max(height, width);
  if (longest > static_cast<double>(max_size)) {
    const double smaller = static_cast<double>(max_size) / longest;
    height *= smaller;
    width *= smaller;
  }
  return {static_cast<std::int32_t>(height + 0.5), static_cast<std::int32_t>(width + 0.5)};
}

std::int32_t rounded(double value) { return static_cast<std::int32_t>(std::nearbyint(value)); }

}  // namespace

bool apply(const step::ResizeShortestEdge& step, Sample& sample, Draws& draws) {
  const std::vector<std::int32_t>& edges = step.short_edge_length;
  const std::int64_t edge =
      step.is_range ? draws.randint(edges[0], std::int64_t{edges[1]} + 1)
                    : edges[static_cast<std::size_t>(draws.randint(0, static_cast<std::int64_t>(edges.size())))];
  if (edge == 0) return true;
  return resize_to("ResizeShortestEdge", sample, with_short_edge(sample.extent, edge, step.max_size), step.nearest);
}

bool apply(const step::ResizeScale& step, Sample& sample, Draws& draws) {
  const double scale = draws.uniform(step.min_scale, step.max_scale);
  const double fits =
      std::min(step.target_height * scale / sample.extent.height, step.target_width * scale / sample.extent.width);
  const Extent after{rounded(sample.extent.height * fits), rounded(sample.extent.width * fits)};
  return resize_to("ResizeScale", sample, after, step.nearest);
}

bool apply(const step::ResizeExactly& step, Sample& sample, Draws& /*draws*/) {
  return resize_to("ResizeExactly", sample, {step.shape[0], step.shape[1]}, step.nearest);
}

bool apply(const step::FixedSizeCrop& step, Sample& sample, Draws& draws) {
  refuse_masks("FixedSizeCrop", sample);
  const Extent before = sample.extent;
  const auto [height, width] = step.crop_size;
  const double share = draws.uniform(0, 1);
  const std::int32_t top = rounded(std::max(before.height - height, 0) * share);
  const std::int32_t left = rounded(std::max(before.width - width, 0) * share);
  Extent after{std::min(height, before.height - top), std::min(width, before.width - left)};
  if (after != before) sample.draw(crop_canvas(left, top, after));
  const auto value = static_cast<float>(step.pad_value);
  const Extent padded{std::max(height, after.height), std::max(width, after.width)};
  if (step.pad && padded != after) sample.draw(Canvas{after = padded, 0, 0, {value, value, value}});
  sample.meta.img_shape = after;
  for (Boxes* boxes : {&sample.ignored, &sample.boxes}) {
    shift(*boxes, -static_cast<float>(left), -static_cast<float>(top));
  }
  return true;
}

bool apply(const step::RandomLevels& step, Sample& sample, Draws& draws) {
  if (sample.floating) refuse("RandomLevels", "the image is float32, not uint8");
  sample.draw(
      LevelBlend{step.with, draws.uniform(step.intensity_min, step.intensity_max), step.in_doubles, step.fused});
  return true;
}

}  // namespace penstock::transform::rules
