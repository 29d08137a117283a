#pragma once

#include "decode/codec.h"

namespace penstock::decode {

/// PNGs as Pillow decodes them when `color` is kNative: palette images to their indices, one bit of gray to 0 and 1,
/// 16-bit gray to 16 bits, other 16-bit images to the high byte; then cast to integers of `item_size` bytes.
extern const Codec kPng;

}  // namespace penstock::decode
