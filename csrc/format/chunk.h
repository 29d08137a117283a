#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/bytes.h"
#include "format/chunk_header.h"
#include "format/lz4.h"
#include "format/tensor_format.h"

namespace penstock::format {

/// A chunk as far as it has been read: its header always, its samples' bytes when it was read whole. Immutable.
class Chunk {
 public:
  /// A whole object: header and samples, decompressing a chunk that is compressed with lz4.
  static std::shared_ptr<const Chunk> from_object(base::OwnedBytes object, const TensorFormat& format);
  /// A chunk whose samples lie in `data` as `header` says; it was made of an object of `object_bytes`.
  static std::shared_ptr<const Chunk> from_memory(const TensorFormat& format, ChunkHeader header, base::OwnedBytes data,
                                                  std::uint64_t object_bytes);
  /// The header alone, of the beginning of an object of `object_bytes` (see header_bytes_needed); samples are then read
  /// one by one from the store. Not for compressed chunks.
  static std::shared_ptr<const Chunk> from_header(base::Bytes beginning, std::uint64_t object_bytes,
                                                  const TensorFormat& format);

  /// Shape of a sample by Deep Lake's rules. Error kChunkFormat when the chunk does not hold the sample.
  base::Shape shape(std::uint64_t local_index) const;
  /// Where its bytes lie, within the data that the chunk really has. Error kChunkFormat.
  base::ByteRange byte_range(std::uint64_t local_index) const;

  /// Where the bytes of a tile lie, which has the chunk to itself: all data, where no position is stated. Error
  /// kChunkFormat.
  base::ByteRange tile_range() const;

  /// Number of samples that the header describes.
  std::uint64_t samples() const { return header_.samples(); }
  bool whole() const { return whole_; }
  const TensorFormat& format() const { return format_; }
  const ChunkHeader& header() const { return header_; }
  /// All samples' bytes of a chunk that was read whole.
  base::Bytes data() const { return data_; }
  /// Bytes of a sample of a chunk that was read whole; they live as long as the chunk.
  base::Bytes sample(base::ByteRange range) const { return data_.subspan(range.begin, range.size()); }
  /// Where the samples' bytes start in the stored object, for reading one of a chunk that was not read whole.
  std::uint64_t data_offset() const { return header_.data_offset; }
  /// Length of the stored object.
  std::uint64_t object_bytes() const { return object_bytes_; }
  /// Memory that the chunk takes, for the cache's budget.
  std::uint64_t bytes() const;

 private:
  Chunk(const TensorFormat& format, ChunkHeader header, std::uint64_t data_bytes, std::uint64_t object_bytes);

  /// Raw samples of one fixed shape are found by arithmetic, not by the byte position table: Deep Lake's rule.
  bool found_by_arithmetic() const;
  /// Error kChunkFormat when the header describes fewer samples.
  void check_held(std::uint64_t local_index) const;
  /// Error kChunkFormat when the range is not within the data.
  base::ByteRange checked(base::ByteRange range, std::uint64_t local_index) const;
  [[noreturn]] void fail_outside(std::uint64_t local_index) const;
  [[noreturn]] void fail_not_fixed(std::uint64_t local_index) const;

  TensorFormat format_;
  ChunkHeader header_;
  std::uint64_t data_bytes_ = 0;
  std::uint64_t object_bytes_ = 0;
  bool whole_ = false;
  base::OwnedBytes storage_;
  base::Bytes data_;
};

}  // namespace penstock::format
