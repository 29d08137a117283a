#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "support/bytes.h"

namespace penstock::test {

/// Writes Deep Lake 3 chunks as their writer does, from the format's description and apart from the parser.
class ChunkBuilder {
 public:
  using Row = std::vector<std::uint32_t>;

  std::string version = "3.9.52";
  std::vector<Row> shape_rows;     ///< extents, last local index
  std::vector<Row> position_rows;  ///< bytes of each sample, first byte, last local index
  ByteVector data;

  /// Adds a sample to both tables, extending the last row where it can.
  ChunkBuilder& add(const base::Shape& shape, const ByteVector& bytes);
  /// Adds a sample to the byte position table alone, as Deep Lake does with trailing empty ones.
  ChunkBuilder& add_without_shape(const ByteVector& bytes);

  ByteVector header() const;
  /// Header and data.
  ByteVector build() const;
  /// The same with the data as one LZ4 block, its length in front.
  ByteVector build_lz4() const;

 private:
  std::uint32_t shapes_ = 0;
  std::uint32_t positions_ = 0;
};

/// A u32 length and one LZ4 block.
ByteVector lz4_block(base::Bytes raw);
/// An LZ4 frame.
ByteVector lz4_frame(base::Bytes raw);

}  // namespace penstock::test
