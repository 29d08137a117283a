#pragma once

#include <cstddef>
#include <cstdint>

namespace penstock::base {

/// The decoded rows of one image, from the top down: what decoders give and pixels are made from. Not thread-safe; used
/// once.
class RowSource {
 public:
  virtual ~RowSource() = default;
  RowSource() = default;
  RowSource(const RowSource&) = delete;
  RowSource& operator=(const RowSource&) = delete;

  virtual std::uint32_t height() const = 0;
  virtual std::uint32_t width() const = 0;
  /// Bytes of a pixel: 1 (gray), 3, or 4, the last of which means nothing. Rows of four are used as they are.
  virtual std::uint32_t channels() const = 0;
  /// The next `count` rows, interleaved uint8, `stride` bytes apart. Throws what decoding throws.
  virtual void read(std::uint8_t* rows, std::size_t stride, std::uint32_t count) = 0;
  /// After the last row that is needed: reads on to the end, so that a damaged image is found whatever was cropped.
  virtual void finish() = 0;
};

}  // namespace penstock::base
