#pragma once

#include <cstddef>
#include <cstdint>

#include "transform/pixels/pixel_plan.h"
#include "transform/pixels/row_kernels.h"
#include "transform/pixels/scratch.h"

namespace penstock::transform {

/// Memory that gets an image of 1, 3 or 4 channels, and what surrounds it.
struct Sink {
  std::byte* data = nullptr;
  bool is_float = false;
  bool planar = false;
  std::uint32_t channels = 3;
  Extent padded;
  float pad_value = 0;
};

/// Writes rows, or parts of them, into a Sink of elements T. Only what it is told to write is touched.
template <class T>
class RowWriter {
 public:
  explicit RowWriter(const Sink& sink);

  /// One color over columns [begin, end).
  void fill(std::int32_t row, std::int32_t begin, std::int32_t end, const Color3& color);

  /// Pixels of four bytes, of a writer of bytes. Beyond `count` there is memory as beyond a row in Scratch.
  void put(std::int32_t row, std::int32_t column, const std::uint32_t* pixels, std::size_t count);

  /// Where `count` pixels from `column` on are to be put, before store() is called for the same.
  kernels::Planes<T> planes(std::int32_t row, std::int32_t column);
  void store(std::int32_t row, std::int32_t column, std::size_t count);

 private:
  /// Element of channel 0.
  std::size_t at(std::int32_t row, std::int32_t column) const;

  Sink sink_;
  T* data_;
  std::size_t plane_;  ///< elements of a channel
  Scratch scratch_;    ///< for channels that are not kept, or have to be interleaved
};

extern template class RowWriter<std::uint8_t>;
extern template class RowWriter<float>;

}  // namespace penstock::transform
