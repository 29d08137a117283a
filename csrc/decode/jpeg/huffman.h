#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "decode/jpeg/headers.h"

namespace penstock::decode::jpeg {

/// Bits of the data that a table is looked up by.
inline constexpr int kLookupBits = 10;
inline constexpr std::size_t kLookups = std::size_t{1} << kLookupBits;
/// Added to a coefficient's number, this leads beyond every block: it has ended.
inline constexpr std::uint8_t kToEnd = 128;

/// Codes one by one, of any length.
class LongCodes {
 public:
  /// Nothing where they are no prefix code.
  static std::optional<LongCodes> of(const HuffmanCodes& codes);

  struct Found {
    std::uint8_t symbol = 0;
    std::uint8_t bits = 0;  ///< of the code; 0: no code begins so
  };
  /// The code at the start of 16 bits, where that has `least` bits or more: those of larger bits are no shorter.
  Found find(std::uint32_t bits, int least = 1) const;

 private:
  std::array<std::int32_t, 17> last_{};    ///< the last code of each length; -1: there is none
  std::array<std::int32_t, 17> offset_{};  ///< from a code of each length to its symbol
  std::array<std::uint8_t, 256> symbols_{};
};

/// Likewise, whatever stands before it.
inline constexpr std::uint8_t kBeyond = 255;

/// What the next bits of the data say of a block's first coefficient: a difference.
struct DcEntry {
  std::int16_t value = 0;
  std::uint8_t bits = 0;  ///< of code and value; 0: they are longer than what is looked up
};

/// What the next bits say of its others: one coefficient or two. A coefficient is `next - 1` places further on than the
/// one before it; kToEnd stands for the end of the block. Where there is but one, the second is the first once more.
///
/// Where the first is longer than what is looked up, `bits` is 0; if its code at least is there, `first_next` and
/// `first_bits` are of the code, and `first` is the number of the value's bits. `second_next` then is kBeyond.
struct AcEntry {
  std::uint8_t bits = 0;        ///< of both. Lies lowest: what comes next waits for it
  std::uint8_t first_bits = 0;  ///< of the first coefficient's code and value
  std::uint8_t first_next = 0;
  std::uint8_t second_next = 0;
  std::int16_t first = 0;
  std::int16_t second = 0;
};

struct DcTable {
  LongCodes codes;
  std::array<DcEntry, kLookups> entries{};
};

struct AcTable {
  LongCodes codes;
  std::array<AcEntry, kLookups> entries{};
};

/// Whether `table` could be filled; not where codes are no prefix code, or stand for what no picture of 8 bits has.
bool fill(DcTable& table, const HuffmanCodes& codes);
bool fill(AcTable& table, const HuffmanCodes& codes);

/// A value of `size` bits as files write it: those that begin with 0 are negative.
inline std::int32_t extended(std::uint32_t bits, int size) {
  const auto value = static_cast<std::int32_t>(bits);
  return value < (1 << size >> 1) ? value - (1 << size) + 1 : value;
}

}  // namespace penstock::decode::jpeg
