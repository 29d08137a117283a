#include "support/chunk_builder.h"

#include <lz4.h>
#include <lz4frame.h>

#include <algorithm>

namespace penstock::test {
namespace {

void append_u32(ByteVector& out, std::uint64_t value) {
  for (unsigned shift = 0; shift < 32; shift += 8) out.push_back(static_cast<std::byte>((value >> shift) & 0xFFU));
}

void append_rows(ByteVector& out, const std::vector<ChunkBuilder::Row>& rows) {
  for (const ChunkBuilder::Row& row : rows) {
    for (const std::uint32_t value : row) append_u32(out, value);
  }
}

}  // namespace

ChunkBuilder& ChunkBuilder::add(const base::Shape& shape, const ByteVector& bytes) {
  if (!shape_rows.empty() && std::equal(shape.begin(), shape.end(), shape_rows.back().begin())) {
    shape_rows.back().back() = shapes_;
  } else {
    Row row(shape.begin(), shape.end());
    row.push_back(shapes_);
    shape_rows.push_back(std::move(row));
  }
  ++shapes_;
  return add_without_shape(bytes);
}

ChunkBuilder& ChunkBuilder::add_without_shape(const ByteVector& bytes) {
  const auto count = static_cast<std::uint32_t>(bytes.size());
  if (!position_rows.empty() && position_rows.back()[0] == count) {
    position_rows.back()[2] = positions_;
  } else {
    position_rows.push_back({count, static_cast<std::uint32_t>(data.size()), positions_});
  }
  ++positions_;
  append(data, bytes);
  return *this;
}

ByteVector ChunkBuilder::header() const {
  ByteVector out;
  out.push_back(static_cast<std::byte>(version.size()));
  append(out, bytes_of(version));
  append_u32(out, shape_rows.size());
  append_u32(out, shape_rows.empty() ? 0 : shape_rows[0].size());
  append_rows(out, shape_rows);
  append_u32(out, position_rows.size());
  append_rows(out, position_rows);
  return out;
}

ByteVector ChunkBuilder::build() const {
  ByteVector out = header();
  append(out, data);
  return out;
}

ByteVector ChunkBuilder::build_lz4() const {
  ByteVector out = header();
  append(out, lz4_block(data));
  return out;
}

ByteVector lz4_block(base::Bytes raw) {
  ByteVector out;
  append_u32(out, raw.size());
  const auto size = static_cast<int>(raw.size());
  std::vector<char> block(static_cast<std::size_t>(LZ4_compressBound(size)));
  const int written = LZ4_compress_default(reinterpret_cast<const char*>(raw.data()), block.data(), size,
                                           static_cast<int>(block.size()));
  block.resize(static_cast<std::size_t>(written));
  append(out, bytes_of(block));
  return out;
}

ByteVector lz4_frame(base::Bytes raw) {
  ByteVector out(LZ4F_compressFrameBound(raw.size(), nullptr));
  out.resize(LZ4F_compressFrame(out.data(), out.size(), raw.data(), raw.size(), nullptr));
  return out;
}

}  // namespace penstock::test
