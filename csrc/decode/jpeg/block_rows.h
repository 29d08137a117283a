#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "decode/jpeg/zigzag.h"

namespace penstock::decode::jpeg {

/// Coefficients of a row of MCUs, of one component. Blocks that are transformed together lie in groups: the first rows
/// of all blocks of a group, then their second rows, and so on.
class BlockRows {
 public:
  /// `rows` rows of at least `blocks` blocks, all zero. `group`: of how many; a power of two.
  BlockRows(std::size_t rows, std::size_t blocks, std::size_t group);

  /// The first coefficient of a block; the others of its row follow.
  std::int16_t* block(std::size_t row, std::size_t number) {
    const std::size_t group = row * groups_ + (number >> group_bits_), within = number & (group_ - 1);
    return coefficients_.get() + (group << group_bits_) * kBlock + within * 8;
  }
  std::int16_t* row(std::size_t number) { return coefficients_.get() + number * groups_ * group_ * kBlock; }
  /// Of each block of a row, whether it has more than its first coefficient.
  std::uint8_t* details(std::size_t row) { return details_.data() + row * groups_ * group_; }
  std::size_t groups() const { return groups_; }
  /// Blocks of a group.
  std::size_t group() const { return group_; }
  /// Makes groups of a row zero, [begin, end).
  void clear(std::size_t row, std::size_t begin, std::size_t end);

 private:
  struct Free {
    void operator()(std::int16_t* memory) const;
  };

  std::size_t group_;
  int group_bits_;
  std::size_t groups_;  ///< of a row
  std::unique_ptr<std::int16_t[], Free> coefficients_;
  std::vector<std::uint8_t> details_;
};

}  // namespace penstock::decode::jpeg
