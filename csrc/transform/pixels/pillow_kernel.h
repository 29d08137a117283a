#pragma once

#include <cstddef>
#include <cstdint>

#include "transform/pixels/row_kernels.h"

/// Pillow's resampling of uint8, in its fixed point: each pass gives uint8. See row_kernels.h for what all kernels have
/// in common.
namespace penstock::transform::kernels {

/// Weights of 22 bits, cut in two so that products with bytes can be summed up in pairs: w = high * 2^11 + low. Of two
/// neighbours the first is in the low half of a word, the second above.
inline constexpr int kLowWeightBits = 11;
struct SplitWeights {
  std::uint32_t high = 0;
  std::uint32_t low = 0;

  static SplitWeights of(std::int32_t first, std::int32_t second) {
    constexpr std::uint32_t kLow = (1U << kLowWeightBits) - 1;
    const auto one = static_cast<std::uint32_t>(first), two = static_cast<std::uint32_t>(second);
    return {one >> kLowWeightBits | two >> kLowWeightBits << 16, (one & kLow) | (two & kLow) << 16};
  }
};

/// How the columns of a row are made of another row's: of `pairs` pairs of neighbours each. Pair p of column i begins
/// with pixel `left[p * stride + i]`. All arrays in Scratch.
struct PairedColumns {
  std::size_t count = 0;
  std::size_t stride = 0;
  std::size_t pairs = 0;
  const std::int32_t* left = nullptr;
  const std::uint32_t* high = nullptr;
  const std::uint32_t* low = nullptr;
};

/// Pixels of four bytes to planes. `room`: eight bytes, `sums`: three integers for each of `stride` columns.
void pillow_columns(const std::uint8_t* row, const PairedColumns& columns, std::uint64_t* room, std::int32_t* sums,
                    const Planes<std::uint8_t>& to);

/// The weighted sum of `count` rows, which is even; `weights` are of each two of them.
void pillow_rows(const Planes<const std::uint8_t>* rows, const SplitWeights* weights, std::size_t count,
                 std::size_t columns, const Planes<std::uint8_t>& out);

}  // namespace penstock::transform::kernels
