#pragma once

#include <array>
#include <cstddef>

#include "decode/jpeg/block_rows.h"

namespace penstock::decode::jpeg {

/// MCUs of a row, [begin, end).
struct McuRange {
  std::size_t begin = 0;
  std::size_t end = 0;
};

/// Gives the coefficients of a picture, a row of MCUs at a time. Whatever is wrong or unusual ends it.
class CoefficientSource {
 public:
  CoefficientSource() = default;
  virtual ~CoefficientSource() = default;
  CoefficientSource(const CoefficientSource&) = delete;
  CoefficientSource& operator=(const CoefficientSource&) = delete;

  virtual std::size_t mcus_of_a_row() const = 0;
  virtual std::size_t rows() const = 0;

  /// The next row. `into`: for each component where its blocks go, whose coefficients are all zero but for the first;
  /// null where nobody needs them. `needed`: of which MCUs they do. False where anything is wrong.
  virtual bool read_row(const std::array<BlockRows*, 3>& into, McuRange needed) = 0;
  /// The next row, which nobody needs.
  virtual bool pass_over_row() = 0;
  /// After the last row: whether nothing but the end of the picture follows.
  virtual bool ended_well() const = 0;
};

}  // namespace penstock::decode::jpeg
