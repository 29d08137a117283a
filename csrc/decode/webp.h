#pragma once

#include "base/bytes.h"
#include "decode/codec.h"

namespace penstock::decode {

/// Size that a WebP file states of itself, with 3 or 4 channels. Error kDecode when it is no WebP or ends in its head.
ImageSize webp_size(base::Bytes encoded);

/// WebPs, lossy or lossless, as Pillow decodes them: RGB, or RGBA where the file has alpha. Of an animation the first
/// frame.
extern const Codec kWebp;

}  // namespace penstock::decode
