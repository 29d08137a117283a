#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace penstock::decode::jpeg {

/// Samples of one component: the rows of two rows of MCUs, of which each new one takes the place of the older.
class Plane {
 public:
  /// `rows`: of a row of MCUs. `width`: of whole groups of blocks.
  Plane(std::size_t rows, std::size_t width);

  /// The first sample of a row of the picture; there is room before it and after the last.
  std::uint8_t* row(std::size_t number) { return samples_.get() + kMargin + number % (2 * rows_) * stride_; }
  std::size_t stride() const { return stride_; }

  /// Repeats the first and the last of `width` samples of eight rows beyond both ends.
  void extend(std::size_t first_row, std::size_t width);

 private:
  static constexpr std::size_t kMargin = 64;

  std::size_t rows_;
  std::size_t stride_;
  std::unique_ptr<std::uint8_t[]> samples_;
};

}  // namespace penstock::decode::jpeg
