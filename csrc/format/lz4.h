#pragma once

#include <string>

#include "base/bytes.h"

namespace penstock::format {

/// What Deep Lake calls lz4: a u32 length and one LZ4 block, or (older writers) an LZ4 frame; nothing at all for no
/// bytes. Error kChunkFormat when the data is damaged or claims a length that LZ4 cannot reach.
base::OwnedBytes decompress_lz4(base::Bytes compressed);

/// The version of the library that runs.
std::string lz4_version();

}  // namespace penstock::format
