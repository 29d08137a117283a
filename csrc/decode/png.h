#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "decode/image_decoder.h"

namespace penstock::decode {

/// Decodes a PNG as Pillow does when `color` is kNative: palette images to their indices, one bit of gray to 0 and 1,
/// 16-bit gray to 16 bits, other 16-bit images to the high byte; then cast to integers of `item_size` bytes.
void decode_png(base::Bytes encoded, const ImageSize& size, std::uint32_t item_size, Color color,
                base::MutableBytes pixels);

}  // namespace penstock::decode
