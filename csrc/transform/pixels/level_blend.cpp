#include "transform/pixels/level_blend.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <stdexcept>

namespace penstock::transform {
namespace {

template <class Real>
std::uint8_t cut(Real value) {
  return static_cast<std::uint8_t>(std::clamp(value, Real{0}, Real{255}));
}

std::size_t pixels_of(const Image& image) {
  return static_cast<std::size_t>(image.extent.height) * static_cast<std::size_t>(image.extent.width);
}

double mean_of(const Image& image) {
  const auto* const values = image.memory.as<std::uint8_t>();
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < pixels_of(image); ++i) {
    for (std::size_t c = 0; c < 3; ++c) sum += values[4 * i + c];
  }
  return static_cast<double>(sum) / static_cast<double>(3 * pixels_of(image));
}

/// One level for all pixels: what becomes of each value is a table.
void blend_with(Image& image, double level, const LevelBlend& step) {
  const auto weight = static_cast<float>(step.weight);
  std::array<std::uint8_t, 256> table{};
  for (std::size_t value = 0; value < table.size(); ++value) {
    const float own = weight * static_cast<float>(value);
    table[value] = step.in_doubles ? cut(level + static_cast<double>(own)) : cut(static_cast<float>(level) + own);
  }
  auto* const values = image.memory.as<std::uint8_t>();
  for (std::size_t i = 0; i < 4 * pixels_of(image); ++i) values[i] = table[values[i]];
}

void blend_with_gray(Image& image, const LevelBlend& step) {
  const auto weight = static_cast<float>(step.weight);
  const double rest = 1 - step.weight;
  auto* const values = image.memory.as<std::uint8_t>();
  for (std::size_t i = 0; i < pixels_of(image); ++i) {
    std::uint8_t* const pixel = values + 4 * i;
    double gray = pixel[0] * 0.299;
    gray = step.fused ? std::fma(pixel[1], 0.587, gray) : gray + pixel[1] * 0.587;
    gray = step.fused ? std::fma(pixel[2], 0.114, gray) : gray + pixel[2] * 0.114;
    const double level = rest * gray;
    for (std::size_t c = 0; c < 3; ++c) {
      pixel[c] = cut(level + static_cast<double>(weight * static_cast<float>(pixel[c])));
    }
  }
}

}  // namespace

void blend_levels(Image& image, const LevelBlend& step) {
  if (image.is_float) throw std::logic_error("levels of a float image cannot be blended");
  switch (step.with) {
    case LevelBlend::With::kBlack:
      return blend_with(image, 0, step);
    case LevelBlend::With::kMean:
      return blend_with(image, (1 - step.weight) * mean_of(image), step);
    case LevelBlend::With::kGray:
      return blend_with_gray(image, step);
  }
}

}  // namespace penstock::transform
