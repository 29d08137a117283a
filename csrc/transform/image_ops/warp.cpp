#include <algorithm>
#include <cmath>

#include "transform/image_ops/whole_image.h"

namespace penstock::transform {
namespace {

/// OpenCV's fixed point: a position is one of 32 between two pixels.
constexpr std::int32_t kPositions = 32;

/// All zeros when the matrix has no inverse, as in OpenCV.
std::array<double, 9> inverse(const std::array<double, 9>& m) {
  const double determinant = m[0] * (m[4] * m[8] - m[5] * m[7]) - m[1] * (m[3] * m[8] - m[5] * m[6]) +
                             m[2] * (m[3] * m[7] - m[4] * m[6]);
  if (determinant == 0) return {};
  const double d = 1.0 / determinant;
  return {(m[4] * m[8] - m[5] * m[7]) * d, (m[2] * m[7] - m[1] * m[8]) * d, (m[1] * m[5] - m[2] * m[4]) * d,
          (m[5] * m[6] - m[3] * m[8]) * d, (m[0] * m[8] - m[2] * m[6]) * d, (m[2] * m[3] - m[0] * m[5]) * d,
          (m[3] * m[7] - m[4] * m[6]) * d, (m[1] * m[6] - m[0] * m[7]) * d, (m[0] * m[4] - m[1] * m[3]) * d};
}

std::int32_t round_position(double value) {
  constexpr double kMost = 1 << 30;
  return static_cast<std::int32_t>(std::lrint(std::clamp(std::isnan(value) ? 0.0 : value, -kMost, kMost)));
}

std::uint8_t saturate(float value) { return static_cast<std::uint8_t>(std::lrint(std::clamp(value, 0.0F, 255.0F))); }

template <class T>
struct Sampler {
  const Image& image;
  T border[4];

  const T* at(std::int32_t row, std::int32_t column) const {
    const bool inside = row >= 0 && row < image.extent.height && column >= 0 && column < image.extent.width;
    return inside ? image.pixel<T>(row, column) : border;
  }

  /// The weighted mean of four pixels; x and y in 1/32 of a pixel.
  void sample(std::int32_t x, std::int32_t y, T* out) const {
    const std::int32_t column = x >> 5, row = y >> 5;
    const std::int32_t right = x & (kPositions - 1), low = y & (kPositions - 1);
    const T* const pixels[4] = {at(row, column), at(row, column + 1), at(row + 1, column), at(row + 1, column + 1)};
    const std::int32_t weights[4] = {(kPositions - right) * (kPositions - low), right * (kPositions - low),
                                     (kPositions - right) * low, right * low};
    for (std::size_t c = 0; c < 4; ++c) {
      if constexpr (std::is_same_v<T, std::uint8_t>) {
        const std::int32_t sum = pixels[0][c] * weights[0] + pixels[1][c] * weights[1] + pixels[2][c] * weights[2] +
                                 pixels[3][c] * weights[3];
        out[c] = static_cast<std::uint8_t>((sum + 512) >> 10);
      } else {
        const auto part = [&](std::size_t i) { return pixels[i][c] * (static_cast<float>(weights[i]) / 1024.0F); };
        out[c] = part(0) + part(1) + part(2) + part(3);
      }
    }
  }
};

template <class T>
void warp_into(const Sampler<T>& sampler, const std::array<double, 9>& to_source, const Image& result) {
  for (std::int32_t row = 0; row < result.extent.height; ++row) {
    const double x0 = to_source[1] * row + to_source[2];
    const double y0 = to_source[4] * row + to_source[5];
    const double w0 = to_source[7] * row + to_source[8];
    T* out = result.pixel<T>(row, 0);
    for (std::int32_t column = 0; column < result.extent.width; ++column, out += 4) {
      const double w = w0 + to_source[6] * column;
      const double scale = w != 0 ? kPositions / w : 0;
      sampler.sample(round_position((x0 + to_source[0] * column) * scale),
                     round_position((y0 + to_source[3] * column) * scale), out);
    }
  }
}

}  // namespace

Image warp(const Image& image, const Warp& warp) {
  Image result(warp.extent, image.is_float);
  const std::array<double, 9> to_source = inverse(warp.matrix);
  const Color3& fill = warp.fill;
  if (image.is_float) {
    warp_into(Sampler<float>{image, {fill[0], fill[1], fill[2], 0}}, to_source, result);
  } else {
    warp_into(Sampler<std::uint8_t>{image, {saturate(fill[0]), saturate(fill[1]), saturate(fill[2]), 0}}, to_source,
              result);
  }
  return result;
}

}  // namespace penstock::transform
