#include "format/chunk_header.h"

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace penstock::format {
namespace {

constexpr std::size_t kBytePositionColumns = 3;
/// An array's axes and the column of the index: numpy has no more.
constexpr std::uint64_t kMostShapeColumns = 33;
constexpr std::uint64_t kItemBytes = sizeof(std::uint32_t);

[[noreturn]] void fail(const std::string& cause) {
  throw base::Error(base::ErrorKind::kChunkFormat, cause, base::kDamagedChunk);
}

/// Offsets of a header's parts, as far as the prefix tells.
struct Layout {
  std::uint64_t shape_values = 0;
  std::uint64_t shape_rows = 0;
  std::uint64_t shape_columns = 0;
  std::uint64_t position_values = 0;
  std::uint64_t position_rows = 0;
  std::uint64_t end = 0;
};

/// Walks the header. Each step asks for the bytes it is about to read: `needed` is where it stopped, and equals
/// layout.end when the whole header was there.
std::uint64_t walk(base::Bytes prefix, std::uint64_t chunk_bytes, Layout& layout) {
  std::uint64_t needed = 0;
  const auto at_hand = [&](std::uint64_t upto, const char* part) {
    if (upto > chunk_bytes) {
      fail(std::string("the chunk ends inside its header: ") + part + " would end at byte " + std::to_string(upto) +
           ", the chunk has " + std::to_string(chunk_bytes));
    }
    needed = upto;
    return upto <= prefix.size();
  };
  if (!at_hand(1, "the version's length")) return needed;
  const std::uint64_t version_end = 1 + static_cast<std::uint64_t>(prefix[0]);
  layout.shape_values = version_end + 2 * kItemBytes;
  if (!at_hand(layout.shape_values, "the shape table's size")) return needed;
  const auto rows = static_cast<std::int32_t>(base::load_u32(prefix, version_end));
  const auto columns = static_cast<std::int32_t>(base::load_u32(prefix, version_end + kItemBytes));
  if (rows < 0 || columns < 0) {
    fail("the shape table claims " + std::to_string(rows) + " rows and " + std::to_string(columns) + " columns");
  }
  layout.shape_rows = static_cast<std::uint64_t>(rows);
  layout.shape_columns = static_cast<std::uint64_t>(columns);
  // Both factors are below 2^31, so neither this product nor the sums below can overflow 64 bits.
  const std::uint64_t shape_end = layout.shape_values + layout.shape_rows * layout.shape_columns * kItemBytes;
  layout.position_values = shape_end + kItemBytes;
  if (!at_hand(layout.position_values, "the shape table")) return needed;
  layout.position_rows = base::load_u32(prefix, shape_end);
  layout.end = layout.position_values + layout.position_rows * kBytePositionColumns * kItemBytes;
  at_hand(layout.end, "the byte position table");
  return needed;
}

std::vector<std::uint32_t> copy_values(base::Bytes prefix, std::uint64_t offset, std::uint64_t count) {
  std::vector<std::uint32_t> values(count);
  if (count > 0) std::memcpy(values.data(), prefix.data() + offset, count * kItemBytes);
  return values;
}

}  // namespace

RunLengthTable::RunLengthTable(std::vector<std::uint32_t> values, std::size_t columns, const char* name)
    : values_(std::move(values)), columns_(columns) {
  for (std::size_t row = 1; row * columns_ < values_.size(); ++row) {
    if (at(row, columns_ - 1) < at(row - 1, columns_ - 1)) {
      fail(std::string("the ") + name + " table goes backwards at row " + std::to_string(row));
    }
  }
}

std::uint64_t RunLengthTable::samples() const {
  return values_.empty() ? 0 : static_cast<std::uint64_t>(values_.back()) + 1;
}

std::optional<std::size_t> RunLengthTable::row_of(std::uint64_t local_index) const {
  std::size_t low = 0;
  std::size_t high = columns_ == 0 ? 0 : values_.size() / columns_;
  const std::size_t rows = high;
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    if (at(middle, columns_ - 1) < local_index) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  if (low == rows) return std::nullopt;
  return low;
}

std::uint64_t RunLengthTable::first_of(std::size_t row) const {
  return row == 0 ? 0 : static_cast<std::uint64_t>(at(row - 1, columns_ - 1)) + 1;
}

std::uint64_t ChunkHeader::samples() const { return std::max(shapes.samples(), byte_positions.samples()); }

std::optional<base::Shape> ChunkHeader::shape(std::uint64_t local_index) const {
  const auto row = shapes.row_of(local_index);
  if (!row) return std::nullopt;
  base::Shape shape(shapes.columns() - 1);
  for (std::size_t axis = 0; axis < shape.size(); ++axis) shape[axis] = shapes.at(*row, axis);
  // The first writers (2.0.2 to 2.0.5) stored scalars without an axis; later ones give them one.
  if (shape.empty()) shape.push_back(1);
  return shape;
}

std::optional<base::ByteRange> ChunkHeader::byte_range(std::uint64_t local_index) const {
  const auto row = byte_positions.row_of(local_index);
  if (!row) return std::nullopt;
  // u32 factors: the product fits 64 bits.
  const std::uint64_t bytes = byte_positions.at(*row, 0);
  const std::uint64_t begin = byte_positions.at(*row, 1) + (local_index - byte_positions.first_of(*row)) * bytes;
  return base::ByteRange{begin, begin + bytes};
}

std::uint64_t header_bytes_needed(base::Bytes prefix, std::uint64_t chunk_bytes) {
  Layout layout;
  return walk(prefix, chunk_bytes, layout);
}

ChunkHeader parse_chunk_header(base::Bytes prefix, std::uint64_t chunk_bytes) {
  Layout layout;
  if (walk(prefix, chunk_bytes, layout) > prefix.size()) fail("the chunk's header is incomplete");
  if (layout.shape_rows > 0 && (layout.shape_columns == 0 || layout.shape_columns > kMostShapeColumns)) {
    fail("the shape table has rows of " + std::to_string(layout.shape_columns) + " columns");
  }
  const base::Bytes version = prefix.subspan(1, static_cast<std::size_t>(prefix[0]));
  if (std::any_of(version.begin(), version.end(), [](std::byte value) { return value > std::byte{0x7F}; })) {
    fail("the writer's version is not ASCII text");
  }
  ChunkHeader header;
  header.version.assign(reinterpret_cast<const char*>(version.data()), version.size());
  header.shapes = RunLengthTable(copy_values(prefix, layout.shape_values, layout.shape_rows * layout.shape_columns),
                                 layout.shape_columns, "shape");
  header.byte_positions =
      RunLengthTable(copy_values(prefix, layout.position_values, layout.position_rows * kBytePositionColumns),
                     kBytePositionColumns, "byte position");
  header.data_offset = layout.end;
  return header;
}

}  // namespace penstock::format
