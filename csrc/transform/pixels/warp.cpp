#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <vector>

#include "transform/pixels/warp.h"
#include "transform/pixels/warp_kernel.h"

namespace penstock::transform {
namespace {

using kernels::kPositions;

/// All zeros when the matrix has no inverse, as in OpenCV.
std::array<double, 9> inverse(const std::array<double, 9>& m) {
  const double determinant =
      m[0] * (m[4] * m[8] - m[5] * m[7]) - m[1] * (m[3] * m[8] - m[5] * m[6]) + m[2] * (m[3] * m[7] - m[4] * m[6]);
  if (determinant == 0) return {};
  const double d = 1.0 / determinant;
  return {(m[4] * m[8] - m[5] * m[7]) * d, (m[2] * m[7] - m[1] * m[8]) * d, (m[1] * m[5] - m[2] * m[4]) * d,
          (m[5] * m[6] - m[3] * m[8]) * d, (m[0] * m[8] - m[2] * m[6]) * d, (m[2] * m[3] - m[0] * m[5]) * d,
          (m[3] * m[7] - m[4] * m[6]) * d, (m[1] * m[6] - m[0] * m[7]) * d, (m[0] * m[4] - m[1] * m[3]) * d};
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

/// Positions of one row, computed anew for each.
class Positions {
 public:
  explicit Positions(const Warp& warp)
      : to_source_(inverse(warp.matrix)),
        x_(static_cast<std::size_t>(warp.extent.width) + kernels::kVectorRoom),
        y_(x_.size()),
        count_(static_cast<std::size_t>(warp.extent.width)),
        left_(warp.left * kPositions),
        top_(warp.top * kPositions) {}

  void compute(std::int32_t row) {
    kernels::source_positions(to_source_, row, count_, x_.data(), y_.data());
    // Afterwards: where they count from has no part in their rounding.
    if (left_ == 0 && top_ == 0) return;
    for (std::size_t i = 0; i < count_; ++i) {
      x_[i] -= left_;
      y_[i] -= top_;
    }
  }
  /// Columns and rows have their first and last positions at the corners of the result.
  bool affine() const {
    return to_source_[6] == 0 && to_source_[7] == 0 &&
           std::all_of(to_source_.begin(), to_source_.end(), [](double value) { return std::isfinite(value); });
  }
  const std::int32_t* x() const { return x_.data(); }
  const std::int32_t* y() const { return y_.data(); }

 private:
  const std::array<double, 9> to_source_;
  std::vector<std::int32_t> x_, y_;
  const std::size_t count_;
  const std::int32_t left_, top_;
};

void warp_floats(const Sampler<float>& sampler, Positions at, const Image& result) {
  for (std::int32_t row = 0; row < result.extent.height; ++row) {
    at.compute(row);
    float* const out = result.pixel<float>(row, 0);
    for (std::int32_t i = 0; i < result.extent.width; ++i) sampler.sample(at.x()[i], at.y()[i], out + 4 * i);
  }
}

void warp_bytes(const Sampler<std::uint8_t>& sampler, Positions at, const Image& result) {
  /// Pixels that are looked at one by one where the image's border is, before vectors are tried again.
  constexpr std::size_t kAtBorder = 16;
  const kernels::ByteImage image{sampler.image.pixel<std::uint8_t>(0, 0), sampler.image.extent};
  const auto border = std::bit_cast<std::uint32_t>(std::to_array(sampler.border));
  const auto width = static_cast<std::size_t>(result.extent.width);
  for (std::int32_t row = 0; row < result.extent.height; ++row) {
    at.compute(row);
    std::uint8_t* const out = result.pixel<std::uint8_t>(row, 0);
    for (std::size_t i = 0; i < width;) {
      i = kernels::sample_row(image, at.x(), at.y(), i, width, border, out);
      for (const std::size_t end = std::min(i + kAtBorder, width); i < end; ++i) {
        sampler.sample(at.x()[i], at.y()[i], out + 4 * i);
      }
    }
  }
}

}  // namespace

Image warp(const Image& image, const Warp& warp) {
  Image result(warp.extent, image.is_float);
  const Color3& fill = warp.fill;
  if (image.is_float) {
    warp_floats({image, {fill[0], fill[1], fill[2], 0}}, Positions(warp), result);
  } else {
    warp_bytes({image, {saturate(fill[0]), saturate(fill[1]), saturate(fill[2]), 0}}, Positions(warp), result);
  }
  return result;
}

Region read_by(const Warp& warp, const Extent& extent) {
  Positions at(warp);
  if (!at.affine() || warp.extent.width < 1 || warp.extent.height < 1) return {0, 0, extent};
  std::int32_t left = extent.width, right = 0, top = extent.height, bottom = 0;
  const auto last = static_cast<std::size_t>(warp.extent.width) - 1;
  for (const std::int32_t row : {0, warp.extent.height - 1}) {
    at.compute(row);
    for (const std::size_t i : {std::size_t{0}, last}) {
      // Of each position, its pixel and the next.
      left = std::min(left, at.x()[i] >> 5);
      right = std::max(right, (at.x()[i] >> 5) + 2);
      top = std::min(top, at.y()[i] >> 5);
      bottom = std::max(bottom, (at.y()[i] >> 5) + 2);
    }
  }
  left = std::clamp(left, 0, extent.width);
  top = std::clamp(top, 0, extent.height);
  return {left, top, {std::clamp(bottom, top, extent.height) - top, std::clamp(right, left, extent.width) - left}};
}

}  // namespace penstock::transform
