#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "decode/image_decoder.h"

namespace penstock::decode {

/// Decodes a PNG as Pillow does: palette images to their indices when `color` is kNative, 16-bit gray to 16 bits in
/// the machine's order, other 16-bit images to the high byte.
void decode_png(base::Bytes encoded, const ImageSize& size, std::uint32_t item_size, Color color,
                base::MutableBytes pixels);

}  // namespace penstock::decode
