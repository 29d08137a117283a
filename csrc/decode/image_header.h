#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "decode/codec.h"

namespace penstock::decode {

/// What the heads of files say, without their codecs' libraries. Error kDecode when it is none such, or says nothing
/// sensible.
ImageHeader read_jpeg_header(base::Bytes encoded, std::uint32_t item_size);
ImageHeader read_png_header(base::Bytes encoded, std::uint32_t item_size);

}  // namespace penstock::decode
