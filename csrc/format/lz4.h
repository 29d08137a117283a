#pragma once

#include <cstddef>
#include <memory>

#include "base/bytes.h"

namespace penstock::format {

/// Bytes that own themselves; not initialised on allocation.
struct OwnedBytes {
  std::unique_ptr<std::byte[]> data;
  std::size_t size = 0;

  static OwnedBytes allocate(std::size_t size) { return {std::make_unique_for_overwrite<std::byte[]>(size), size}; }
  base::Bytes view() const { return {data.get(), size}; }
};

/// What Deep Lake calls lz4: a u32 length and one LZ4 block, or (older writers) an LZ4 frame; nothing at all for no
/// bytes. Error kChunkFormat when the data is damaged or claims a length that LZ4 cannot reach.
OwnedBytes decompress_lz4(base::Bytes compressed);

}  // namespace penstock::format
