#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "transform/pixels/resize_in_doubles.h"

namespace penstock::transform {
namespace {

/// Of which two neighbours a pixel is the weighted mean.
struct Mixture {
  std::int32_t first;
  std::int32_t second;
  double weight;  ///< of the second
};

/// What OpenCV calls for float64 (IPP) rounds positions and means once, as fused operations do.
std::vector<Mixture> mixtures(std::int32_t from, std::int32_t to) {
  const double scale = static_cast<double>(from) / to;
  std::vector<Mixture> result;
  result.reserve(static_cast<std::size_t>(to));
  for (std::int32_t i = 0; i < to; ++i) {
    const double at = std::fma(i + 0.5, scale, -0.5);
    const auto first = static_cast<std::int32_t>(std::floor(at));
    result.push_back({std::clamp(first, 0, from - 1), std::clamp(first + 1, 0, from - 1), at - first});
  }
  return result;
}

double mean(double first, double second, double weight) {
  // Pads are large and of one value: the usual case is not worth a call where the processor has no such operation.
  return first == second ? first : std::fma(second - first, weight, first);
}

/// A row of the image, resized along itself.
class WideRow {
 public:
  explicit WideRow(std::size_t width) : values_(width * 4) {}

  const double* of(const Image& image, std::int32_t row, const std::vector<Mixture>& columns) {
    if (row != row_) {
      row_ = row;
      double* out = values_.data();
      for (const Mixture& place : columns) {
        const auto* const first = image.pixel<std::uint8_t>(row, place.first);
        const auto* const second = image.pixel<std::uint8_t>(row, place.second);
        for (std::size_t c = 0; c < 4; ++c) *out++ = mean(first[c], second[c], place.weight);
      }
    }
    return values_.data();
  }

  std::int32_t row() const { return row_; }

 private:
  std::int32_t row_ = -1;
  std::vector<double> values_;
};

}  // namespace

Image resize_in_doubles(const Image& image, Extent extent) {
  Image result(extent, false);
  const std::vector<Mixture> columns = mixtures(image.extent.width, extent.width);
  const std::vector<Mixture> rows = mixtures(image.extent.height, extent.height);
  const auto width = static_cast<std::size_t>(extent.width);
  WideRow upper(width);
  WideRow lower(width);
  for (std::int32_t row = 0; row < extent.height; ++row) {
    const Mixture& place = rows[static_cast<std::size_t>(row)];
    if (lower.row() == place.first) std::swap(upper, lower);
    const double* const first = upper.of(image, place.first, columns);
    const double* const second = lower.of(image, place.second, columns);
    auto* const out = result.pixel<std::uint8_t>(row, 0);
    for (std::size_t i = 0; i < 4 * width; ++i) {
      out[i] = static_cast<std::uint8_t>(mean(first[i], second[i], place.weight));
    }
  }
  return result;
}

}  // namespace penstock::transform
