#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

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
  /// Passes over rows. What is wrong with them is thrown now or later.
  virtual void skip(std::uint32_t count) {
    std::vector<std::uint8_t> dropped(std::size_t{width()} * channels());
    for (; count > 0; --count) read(dropped.data(), dropped.size(), 1);
  }
  /// Before the first row: all that is needed of each are the pixels [begin, end). Others may come out as anything.
  virtual void keep_columns(std::uint32_t begin, std::uint32_t end) { static_cast<void>(begin + end); }
  /// All rows one after the other, where they lie in memory already: nobody needs to copy what is read there. They stay
  /// while this does, and up to kOverrun bytes after them may be read. Else null.
  virtual const std::uint8_t* in_memory() const { return nullptr; }
  static constexpr std::size_t kOverrun = 512;
  /// After the last row that is needed: reads on to the end, so that a damaged image is found whatever was cropped.
  virtual void finish() = 0;
};

}  // namespace penstock::base
