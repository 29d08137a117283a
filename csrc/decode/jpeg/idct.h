#pragma once

#include <cstddef>
#include <cstdint>

#include "decode/jpeg/headers.h"

namespace penstock::decode::jpeg {

/// A row of blocks on its way from coefficients to pixels.
struct BlockRow {
  std::int16_t* coefficients = nullptr;   ///< as BlockRows has them; zero afterwards, but for the first of each block
  const std::uint8_t* details = nullptr;  ///< of each block, whether it has more than that
  std::size_t groups = 0;
  const Quantisation* steps = nullptr;
  std::uint8_t* pixels = nullptr;  ///< eight rows, of whole groups
  std::size_t stride = 0;          ///< bytes from one row to the next
};

/// Of the first row of a block, dequantised: with 14 bits its sums keep their bits of the fraction in 16. Beyond, the
/// ways of libjpeg-turbo's variants to cut them differ.
inline constexpr int kLeastOfFirstRow = -8192, kMostOfFirstRow = 8191;

/// Blocks that are transformed together on this machine; 0 where its vectors are of a kind that is not used.
std::size_t blocks_of_a_group();

/// The inverse of the cosine transform, as the accurate one of libjpeg-turbo has it ("islow", for vectors: products of
/// 16 bits, sums of 32, and what is cut to 16 or 8 bits in between). False where coefficients are so large that its
/// variants differ, which no encoder writes.
bool transform_back(const BlockRow& row);

}  // namespace penstock::decode::jpeg
