#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "transform/pixels/pixel_plan.h"

namespace penstock::transform::kernels {

/// OpenCV's fixed point: a position is one of 32 between two pixels.
inline constexpr std::int32_t kPositions = 32;

/// Where the pixels of row `row` come from: x and y in 1/kPositions of a pixel, rounded to even and cut to +-2^30.
/// `to_source` is row by row; where its third coordinate is 0, so are x and y. `x` and `y` have room for `count`
/// numbers rounded up to whole vectors (kVectorRoom more).
void source_positions(const std::array<double, 9>& to_source, std::int32_t row, std::size_t count, std::int32_t* x,
                      std::int32_t* y);

/// Numbers beyond the last that vectors may write.
inline constexpr std::size_t kVectorRoom = 64;

/// An image of four bytes a pixel.
struct ByteImage {
  const std::uint8_t* pixels = nullptr;
  Extent extent;
};

/// The weighted means of four pixels at each of the positions, starting at `first`; stops before the first vector of
/// positions that are neither all inside of the image nor all beyond it, where one pixel after the other has to be
/// looked at. Positions beyond it give `border`, four bytes. Returns where it stopped, `count` at most.
std::size_t sample_row(const ByteImage& image, const std::int32_t* x, const std::int32_t* y, std::size_t first,
                       std::size_t count, std::uint32_t border, std::uint8_t* out);

}  // namespace penstock::transform::kernels
