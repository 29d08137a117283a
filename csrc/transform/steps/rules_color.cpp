#include <algorithm>
#include <vector>

#include "transform/steps/rules.h"

/// Steps that change values alone: Normalize, PhotoMetricDistortion, YOLOXHSVRandomAug, CutOut.
namespace penstock::transform::rules {
namespace {

bool coin(Draws& draws) { return draws.randint(0, 2) == 1; }

float between(Draws& draws, const step::Pair& range) { return static_cast<float>(draws.uniform(range[0], range[1])); }

std::array<std::uint8_t, 3> channel_order(Draws& draws) {
  std::array<std::uint8_t, 3> result{};
  const std::vector<std::size_t> order = draws.permutation(3);
  std::transform(order.begin(), order.end(), result.begin(),
                 [](std::size_t channel) { return static_cast<std::uint8_t>(channel); });
  return result;
}

Photometric draw_what_is_used(const step::PhotoMetricDistortion& step, Draws& draws) {
  Photometric change;
  if (coin(draws)) change.brightness = static_cast<float>(draws.uniform(-step.brightness_delta, step.brightness_delta));
  const bool contrast_first = coin(draws);
  if (contrast_first && coin(draws)) change.contrast_before = between(draws, step.contrast_range);
  if (coin(draws)) change.saturation = between(draws, step.saturation_range);
  if (coin(draws)) change.hue = static_cast<float>(draws.uniform(-step.hue_delta, step.hue_delta));
  if (!contrast_first && coin(draws)) change.contrast_after = between(draws, step.contrast_range);
  if (coin(draws)) change.order = channel_order(draws);
  return change;
}

Photometric draw_all(const step::PhotoMetricDistortion& step, Draws& draws) {
  Photometric change;
  const bool contrast_first = coin(draws);
  std::array<bool, 5> used{};
  for (bool& one : used) one = coin(draws);
  const auto brightness = static_cast<float>(draws.uniform(-step.brightness_delta, step.brightness_delta));
  const float contrast = between(draws, step.contrast_range);
  const float saturation = between(draws, step.saturation_range);
  const auto hue = static_cast<float>(draws.uniform(-step.hue_delta, step.hue_delta));
  const std::array<std::uint8_t, 3> order = channel_order(draws);
  if (used[0]) change.brightness = brightness;
  if (used[1]) (contrast_first ? change.contrast_before : change.contrast_after) = contrast;
  if (used[2]) change.saturation = saturation;
  if (used[3]) change.hue = hue;
  if (used[4]) change.order = order;
  return change;
}

}  // namespace

bool apply(const step::Normalize& step, Sample& sample, Draws& /*draws*/) {
  Normalize normalize{step.mean, {}, step.to_rgb};
  for (std::size_t i = 0; i < 3; ++i) normalize.inverse_std[i] = 1 / step.std[i];
  sample.draw(normalize);
  return true;
}

bool apply(const step::PhotoMetricDistortion& step, Sample& sample, Draws& draws) {
  Photometric change = step.draws_all ? draw_all(step, draws) : draw_what_is_used(step, draws);
  if (step.clips_saturation && change.saturation > 1) change.largest_saturation = 1;
  sample.draw(change);
  return true;
}

bool apply(const step::YOLOXHSVRandomAug& step, Sample& sample, Draws& draws) {
  if (sample.floating) refuse("YOLOXHSVRandomAug", "the image is not uint8");
  std::array<double, 3> gains{};
  for (double& gain : gains) gain = draws.uniform(-1, 1);
  const std::array<double, 3> deltas{step.hue_delta, step.saturation_delta, step.value_delta};
  HsvGains change;
  for (std::size_t i = 0; i < 3; ++i) gains[i] *= deltas[i];
  for (std::size_t i = 0; i < 3; ++i) change.gains[i] = static_cast<std::int16_t>(coin(draws) ? gains[i] : 0);
  sample.draw(change);
  return true;
}

bool apply(const step::CutOut& step, Sample& sample, Draws& draws) {
  const auto [height, width] = sample.extent;
  Fill fill{{}, step.fill_in};
  const std::int64_t holes = draws.randint(step.n_holes[0], std::int64_t{step.n_holes[1]} + 1);
  for (std::int64_t i = 0; i < holes; ++i) {
    const auto left = static_cast<std::int32_t>(draws.randint(0, width));
    const auto top = static_cast<std::int32_t>(draws.randint(0, height));
    const std::int64_t chosen = draws.randint(0, static_cast<std::int64_t>(step.candidates.size()));
    const auto [first, second] = step.candidates[static_cast<std::size_t>(chosen)];
    const auto hole_width = static_cast<std::int32_t>(step.with_ratio ? first * width : first);
    const auto hole_height = static_cast<std::int32_t>(step.with_ratio ? second * height : second);
    const std::int32_t right = std::clamp(left + hole_width, 0, width);
    const std::int32_t bottom = std::clamp(top + hole_height, 0, height);
    if (right > left && bottom > top) fill.rectangles.push_back({left, top, right, bottom});
  }
  if (!fill.rectangles.empty()) sample.draw(std::move(fill));
  return true;
}

}  // namespace penstock::transform::rules
