#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "decode/codec.h"

namespace penstock::decode {

/// Copies uncompressed pixels (height x width x channels, as stored), reordering channels where `color` asks for it;
/// not to gray. Error kDecode when the number of bytes is not the size's.
void copy_raw_image(base::Bytes stored, const ImageSize& size, std::uint32_t item_size, Color color,
                    base::MutableBytes pixels);

/// The gray of RGB pixels, as OpenCV has it of a PNG file (libpng weighs them); exact for pixels whose channels are
/// equal.
void reduce_to_gray(base::Bytes rgb, base::MutableBytes gray);

/// Copies an array's bytes, decompressing LZ4. Error kDecode when they are not as many as `out` has.
void copy_array(format::Compression compression, base::Bytes stored, base::MutableBytes out);

/// Pixels as they are, and such that LZ4 has compressed.
extern const Codec kRaw;
extern const Codec kLz4;

}  // namespace penstock::decode
