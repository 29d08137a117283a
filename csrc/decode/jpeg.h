#pragma once

#include "base/bytes.h"
#include "decode/image_decoder.h"

namespace penstock::decode {

/// Decodes a baseline or progressive JPEG by libjpeg-turbo's accurate integer transform with smooth chroma, which is
/// what Pillow and OpenCV do: the same bytes come out. `pixels` holds height x width x channels, where channels is 3
/// unless `color` is kNative. CMYK comes out as Pillow has it (inverted, Adobe's convention).
void decode_jpeg(base::Bytes encoded, const ImageSize& size, Color color, base::MutableBytes pixels);

}  // namespace penstock::decode
