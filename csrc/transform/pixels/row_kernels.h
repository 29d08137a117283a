#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "transform/pixels/pixel_plan.h"

/// What is done to one row of pixels, by vectors as wide as this processor has. Integers come out alike on every
/// processor, and so do floats: no multiplication is fused with an addition. Rows that lie in Scratch may be read and
/// written beyond `count`, by less than Scratch::kOverrun bytes; those that are named `out` get `count` pixels exactly.
namespace penstock::transform::kernels {

/// A row of each channel.
template <class T>
using Planes = std::array<T*, 3>;

/// (x - offset) * scale, for each channel: the difference in float, the product in double and rounded once, which is
/// how OpenCV subtracts and multiplies by a scalar.
struct Affine {
  Color3 offset{0, 0, 0};
  std::array<double, 3> scale{1, 1, 1};
};

/// What vectors of 512 bits take from two of their registers.
inline constexpr std::size_t kWindowColumns = 16;
inline constexpr std::int32_t kWindowPixels = 32;

/// How the columns of a row are made of another row's: column i of its pixels `left[i]` and the next, and, where there
/// are any, of a color beside the image. All arrays in Scratch.
struct Columns {
  std::size_t count = 0;
  const std::int32_t* left = nullptr;
  const std::uint32_t* integer_weights = nullptr;  ///< of 2048; the left one in the low half, the right one above
  const float* left_weights = nullptr;
  const float* right_weights = nullptr;
  /// Null, or for each kWindowColumns columns the first of kWindowPixels pixels among which all of theirs are.
  const std::int32_t* windows = nullptr;
  /// Null, or the part of a color that is added to the column: its weight times the value.
  Planes<const float> beside{};
};

/// Pixels of three bytes, or one, to pixels of four.
void widen_pixels(const std::uint8_t* from, std::uint32_t channels, std::size_t count, std::uint8_t* to);

/// Resampling of columns: pixels of four values to planes. uint8 gives sums of 128 times the value. `pairs` is room for
/// eight bytes a column.
void resample(const std::uint8_t* row, const Columns& columns, std::uint64_t* pairs, const Planes<std::int16_t>& to);
void resample(const std::uint8_t* row, const Columns& columns, std::uint64_t* pairs, const Planes<float>& to);
void resample(const float* row, const Columns& columns, const Planes<float>& to);

/// Resampling of rows: the weighted sum of two.
void blend(const Planes<const std::int16_t>& first, const Planes<const std::int16_t>& second, std::int16_t first_weight,
           std::int16_t second_weight, std::size_t count, const Planes<std::uint8_t>& out);
void blend(const Planes<const std::int16_t>& first, const Planes<const std::int16_t>& second, std::int16_t first_weight,
           std::int16_t second_weight, const Affine& affine, std::size_t count, const Planes<float>& out);
void blend(const Planes<const float>& first, const Planes<const float>& second, float first_weight, float second_weight,
           const Affine& affine, std::size_t count, const Planes<float>& out);

/// `out` may be the rows of `row`, in any order.
void apply(const Planes<const float>& row, const Affine& affine, std::size_t count, const Planes<float>& out);
/// Photometric, but for the order of channels, and what follows it.
void apply(const Planes<const float>& row, const Photometric& photometric, const Affine& affine, std::size_t count,
           const Planes<float>& out);

/// Pixels of four bytes to planes.
void separate(const std::uint8_t* pixels, std::size_t count, const Planes<std::uint8_t>& out);

/// Planes to pixels of `channels` values: 1, 3 or 4, the fourth 0.
void interleave(const Planes<const std::uint8_t>& row, std::uint32_t channels, std::size_t count, std::uint8_t* out);
void interleave(const Planes<const float>& row, std::uint32_t channels, std::size_t count, float* out);

}  // namespace penstock::transform::kernels
