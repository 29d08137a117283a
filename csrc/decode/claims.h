#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "decode/image.h"
#include "format/tensor_format.h"

namespace penstock::decode {

/// The most pixels of an image file that is read: what Pillow, and with it Deep Lake, takes for a bomb.
inline constexpr std::uint64_t kMostPixels = 178'956'970;

/// Error kDecode when `encoded` cannot decode to `shape`, in elements of `item_size` bytes, however well it is
/// compressed, or when an image file claims more than kMostPixels or, in spite of its bytes, none: to be asked before
/// memory is taken for the shape.
void check_claim(format::Compression compression, base::Bytes encoded, const base::Shape& shape,
                 std::uint64_t item_size);

/// The same of so many encoded bytes that have not been read.
void check_claim(format::Compression compression, std::uint64_t encoded_bytes, const base::Shape& shape,
                 std::uint64_t item_size);

/// Size of an image that a pipeline is to work on. Error kDecode for a shape without pixels or channels, and for more
/// than kMostPixels, however the image is stored.
ImageSize pipeline_image_size(const base::Shape& shape);

}  // namespace penstock::decode
