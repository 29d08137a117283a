#pragma once

#include "base/bytes.h"
#include "decode/image_decoder.h"

namespace penstock::decode {

/// Size that a WebP file states of itself, with 3 or 4 channels. Error kDecode when it is no WebP or ends in its head.
ImageSize webp_size(base::Bytes encoded);

/// Decodes a WebP, lossy or lossless, as Pillow does: RGB, or RGBA where the file has alpha. Of an animation the first
/// frame.
void decode_webp(base::Bytes encoded, const ImageSize& size, Color color, base::MutableBytes pixels);

}  // namespace penstock::decode
