#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <optional>
#include <span>
#include <vector>

#include "base/bytes.h"

namespace penstock::decode::jpeg {

/// The codes of a Huffman table as a file has them: how many there are of each length, 1 to 16 bits, and what they
/// stand for, in the order of the codes.
struct HuffmanCodes {
  std::array<std::uint8_t, 16> counts{};
  std::array<std::uint8_t, 256> symbols{};
  bool defined = false;

  /// Those of the symbols that have a code.
  std::span<const std::uint8_t> used() const {
    return {symbols.data(), std::accumulate(counts.begin(), counts.end(), std::size_t{0})};
  }

  friend bool operator==(const HuffmanCodes&, const HuffmanCodes&) = default;
};

/// What a coefficient is multiplied by, row by row.
using Quantisation = std::array<std::uint16_t, 64>;

struct Component {
  std::uint8_t across = 1;  ///< blocks of an MCU
  std::uint8_t down = 1;
  std::uint8_t quantisation = 0;  ///< number of its table
  std::uint8_t dc = 0;            ///< likewise
  std::uint8_t ac = 0;
};

/// What stands before the coefficients of a JPEG that this decoder reads: one scan of Huffman codes, 8 bits, gray or
/// YCbCr, chroma as large as luma, half as wide, as high, or both, or a quarter as wide.
struct Headers {
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::uint32_t restart_interval = 0;  ///< in MCUs; 0: there are no restart markers
  std::size_t scan_begin = 0;          ///< where the coefficients begin
  std::vector<Component> components;   ///< one, or luma and two of chroma
  std::array<Quantisation, 4> quantisations{};
  std::array<HuffmanCodes, 4> dc{};
  std::array<HuffmanCodes, 4> ac{};
};

/// Nothing where the file is of another kind, or where anything in it is unusual or wrong: libjpeg-turbo then says what
/// is the matter, or what the picture is.
std::optional<Headers> read_headers(base::Bytes encoded);

}  // namespace penstock::decode::jpeg
