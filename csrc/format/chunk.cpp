#include "format/chunk.h"

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace penstock::format {
namespace {

constexpr const char* kDamaged = "The chunk is truncated or damaged: restore it from a copy of the dataset.";
/// No sample of a detection dataset comes near; a table that claims more is damaged.
constexpr std::uint64_t kLargestSample = std::uint64_t{1} << 32;

}  // namespace

std::shared_ptr<const Chunk> Chunk::from_object(base::OwnedBytes object, const TensorFormat& format) {
  ChunkHeader header = parse_chunk_header(object.view(), object.size);
  const base::Bytes stored = object.view().subspan(header.data_offset);
  if (format.chunk_compression == Compression::kLz4) {
    return from_memory(format, std::move(header), decompress_lz4(stored), object.size);
  }
  std::shared_ptr<Chunk> chunk(new Chunk(format, std::move(header), stored.size(), object.size));
  chunk->data_ = stored;
  chunk->storage_ = std::move(object);
  chunk->whole_ = true;
  return chunk;
}

std::shared_ptr<const Chunk> Chunk::from_memory(const TensorFormat& format, ChunkHeader header, base::OwnedBytes data,
                                                std::uint64_t object_bytes) {
  std::shared_ptr<Chunk> chunk(new Chunk(format, std::move(header), data.size, object_bytes));
  chunk->data_ = data.view();
  chunk->storage_ = std::move(data);
  chunk->whole_ = true;
  return chunk;
}

std::shared_ptr<const Chunk> Chunk::from_header(base::Bytes beginning, std::uint64_t object_bytes,
                                                const TensorFormat& format) {
  ChunkHeader header = parse_chunk_header(beginning, object_bytes);
  const std::uint64_t data_bytes = object_bytes - header.data_offset;
  return std::shared_ptr<const Chunk>(new Chunk(format, std::move(header), data_bytes, object_bytes));
}

Chunk::Chunk(const TensorFormat& format, ChunkHeader header, std::uint64_t data_bytes, std::uint64_t object_bytes)
    : format_(format), header_(std::move(header)), data_bytes_(data_bytes), object_bytes_(object_bytes) {}

bool Chunk::found_by_arithmetic() const {
  return format_.fixed_shape.has_value() && format_.sample_compression == Compression::kNone;
}

void Chunk::check_held(std::uint64_t local_index) const {
  if (local_index < header_.samples()) return;
  throw base::Error(base::ErrorKind::kChunkFormat,
                    "the chunk holds " + std::to_string(header_.samples()) + " samples, the index expects at least " +
                        std::to_string(local_index + 1),
                    base::kDamagedChunk);
}

base::Shape Chunk::shape(std::uint64_t local_index) const {
  check_held(local_index);
  auto shape = header_.shape(local_index);
  if (format_.fixed_shape) {
    // Of bytes, the stated shape is their number; extent() checks that.
    if (shape && !format_.as_bytes && *shape != *format_.fixed_shape) fail_not_fixed(local_index);
    return *format_.fixed_shape;
  }
  if (shape) return *std::move(shape);
  // Deep Lake writes no shape for trailing empty samples that have byte positions.
  return base::Shape(format_.dimensions, 0);
}

base::ByteRange Chunk::byte_range(std::uint64_t local_index) const {
  check_held(local_index);
  base::ByteRange range;
  if (found_by_arithmetic()) {
    const auto sample_bytes = base::checked_byte_count(*format_.fixed_shape, format_.item_size);
    const auto begin = sample_bytes ? base::checked_multiply(*sample_bytes, local_index) : std::nullopt;
    if (!begin || *begin > data_bytes_) fail_outside(local_index);
    range = {*begin, *begin + *sample_bytes};
    // The metadata's word is taken for a sample of which the chunk says nothing; where the two differ, one is wrong.
    const auto stated = header_.byte_range(local_index);
    if (stated && (stated->begin != range.begin || stated->end != range.end)) fail_not_fixed(local_index);
  } else if (const auto found = header_.byte_range(local_index)) {
    range = *found;
  } else {
    throw base::Error(base::ErrorKind::kChunkFormat,
                      "the chunk states no byte position for its sample " + std::to_string(local_index), kDamaged);
  }
  return checked(range, local_index);
}

base::ByteRange Chunk::tile_range() const {
  check_held(0);
  return checked(header_.byte_range(0).value_or(base::ByteRange{0, data_bytes_}), 0);
}

base::ByteRange Chunk::checked(base::ByteRange range, std::uint64_t local_index) const {
  if (range.end > data_bytes_ || range.size() > kLargestSample) fail_outside(local_index);
  return range;
}

void Chunk::fail_outside(std::uint64_t local_index) const {
  throw base::Error(base::ErrorKind::kChunkFormat,
                    "the bytes of the chunk's sample " + std::to_string(local_index) + " lie outside its " +
                        std::to_string(data_bytes_) + " bytes of data",
                    kDamaged);
}

void Chunk::fail_not_fixed(std::uint64_t local_index) const {
  throw base::Error(base::ErrorKind::kChunkFormat,
                    "the metadata says that all samples have one shape, the chunk's sample " +
                        std::to_string(local_index) + " has another",
                    "The tensor's metadata or the chunk is damaged: restore both from a copy of the dataset.");
}

std::uint64_t Chunk::bytes() const {
  return sizeof(*this) + header_.shapes.bytes() + header_.byte_positions.bytes() + storage_.size;
}

}  // namespace penstock::format
