#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "decode/jpeg/huffman.h"

namespace penstock::decode::jpeg {

/// Bits of a part of the coefficients, from the first on. Whoever reads beyond the end gets zeros, and is told by
/// `overrun()`: nothing is checked bit by bit.
class Bits {
 public:
  /// What has to follow the data in memory, as zeros.
  static constexpr std::size_t kPadding = 16;
  /// So many bits are there after a refill.
  static constexpr int kRefilled = 56;

  Bits() = default;
  /// `end`: of the data; the padding follows it.
  Bits(const std::uint8_t* begin, const std::uint8_t* end) : at_(begin), end_(end) {}

  void refill() {
    std::uint64_t next = 0;
    std::memcpy(&next, at_, sizeof next);
    held_ |= __builtin_bswap64(next) >> count_;
    at_ += (63 - count_) >> 3;
    // Zeros are read over and over where the data have ended.
    at_ = at_ < end_ + sizeof next ? at_ : end_ + sizeof next;
    count_ |= kRefilled;
  }
  /// The next bits, without taking them; 1 to 32.
  std::uint32_t peek(int count) const { return static_cast<std::uint32_t>(held_ >> (64 - count)); }
  void skip(int count) {
    held_ <<= count;
    count_ -= count;
  }
  std::uint32_t take(int count) {
    const std::uint32_t bits = peek(count);
    skip(count);
    return bits;
  }

  /// Whether more was taken than there is.
  bool overrun() const { return left() < 0; }
  /// How many bits there are that have not been taken; less than 0 where more were.
  std::ptrdiff_t left() const { return (end_ - at_) * 8 + count_; }

 private:
  const std::uint8_t* at_ = nullptr;
  const std::uint8_t* end_ = nullptr;
  std::uint64_t held_ = 0;  ///< from the highest bit on
  int count_ = 0;           ///< of them
};

}  // namespace penstock::decode::jpeg
