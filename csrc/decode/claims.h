#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "format/tensor_format.h"

namespace penstock::decode {

/// Error kDecode when `encoded` cannot decode to `shape`, in elements of `item_size` bytes, however well it is
/// compressed: to be asked before memory is taken for the shape.
void check_claim(format::Compression compression, base::Bytes encoded, const base::Shape& shape,
                 std::uint64_t item_size);

}  // namespace penstock::decode
