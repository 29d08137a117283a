#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace penstock::format {

/// A run-length encoder of Deep Lake: rows of u32, each valid up to and including the local sample index in its last
/// column. Sound once built: rows are in order of that index.
class RunLengthTable {
 public:
  RunLengthTable() = default;
  /// Error kChunkFormat when the last column goes backwards. `name` is for the message.
  RunLengthTable(std::vector<std::uint32_t> values, std::size_t columns, const char* name);

  bool empty() const { return values_.empty(); }
  std::size_t columns() const { return columns_; }
  std::uint64_t bytes() const { return values_.size() * sizeof(std::uint32_t); }
  /// Number of samples that the rows cover.
  std::uint64_t samples() const;
  /// Row of a sample, or nothing past the end.
  std::optional<std::size_t> row_of(std::uint64_t local_index) const;
  std::uint32_t at(std::size_t row, std::size_t column) const { return values_[row * columns_ + column]; }
  /// Local index of the first sample of a row.
  std::uint64_t first_of(std::size_t row) const;

 private:
  std::vector<std::uint32_t> values_;
  std::size_t columns_ = 0;
};

/// The head of a chunk: u8 length and ASCII of the writer's version; i32 rows and i32 columns of the shape table, its
/// values; u32 rows of the byte position table (three columns: bytes of each sample, first byte, last index), its
/// values. The samples' bytes follow. All little-endian.
struct ChunkHeader {
  std::string version;
  RunLengthTable shapes;
  RunLengthTable byte_positions;
  std::uint64_t data_offset = 0;

  /// Samples that the header describes; 0 where it holds no table (fixed-size raw samples may go without).
  std::uint64_t samples() const;
  std::optional<base::Shape> shape(std::uint64_t local_index) const;
  /// Where the sample lies in the data that follows the header.
  std::optional<base::ByteRange> byte_range(std::uint64_t local_index) const;
};

/// How many bytes from the chunk's start must be at hand to go on reading the header, given the first `prefix.size()`
/// of a chunk of `chunk_bytes`. The header is complete when the answer is not larger than the prefix.
/// Error kChunkFormat when the header claims more than the chunk has.
std::uint64_t header_bytes_needed(base::Bytes prefix, std::uint64_t chunk_bytes);

/// Parses a complete header; `prefix` reaches at least to its end. Error kChunkFormat.
ChunkHeader parse_chunk_header(base::Bytes prefix, std::uint64_t chunk_bytes);

}  // namespace penstock::format
