#pragma once

#include <cstddef>
#include <cstdint>

#include "decode/jpeg/block_rows.h"
#include "decode/jpeg/headers.h"

namespace penstock::decode::jpeg {

/// Packed blocks take this much at most, those of a row beside that a quarter of a byte each; and what reads them may
/// read as much beyond their end, as what writes them may write.
inline constexpr std::size_t kMostPackedBlock = 160;

/// Most bytes that so many blocks of a row take, what is written beyond their end included.
constexpr std::size_t most_packed(std::size_t blocks) { return (blocks + 3) / 4 + (blocks + 1) * kMostPackedBlock; }

/// Packs a row of blocks, which stay as they are. Gives the end of what it has written, of which there is room for
/// most_packed(); null where coefficients are so large that transform_back() would give up.
std::byte* pack(BlockRows& rows, std::size_t row, std::size_t blocks, const Quantisation& steps, std::byte* out);

/// What pack() has packed.
struct PackedRow {
  const std::byte* at = nullptr;
  const std::byte* end = nullptr;  ///< of all that is packed; kMostPackedBlock bytes lie behind it
  std::size_t blocks = 0;
};

/// Unpacks the blocks [begin, end) into rows, whose coefficients are all zero but for the first; the others stay as
/// they are. Gives where what is packed ends; null where it does not end within what there is.
const std::byte* unpack(const PackedRow& packed, BlockRows& rows, std::size_t row, std::size_t begin, std::size_t end);
}  // namespace penstock::decode::jpeg
