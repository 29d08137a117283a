#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "format/tensor_format.h"

namespace penstock::decode {

/// What an encoded image says of itself before its pixels.
struct ImageHeader {
  base::Shape shape;  ///< height, width, channels
  /// Every decoder gives the same array. Not so of a PNG with a palette, with packed gray, or with 16 bits in a tensor
  /// of 8, which each library expands in its own way.
  bool plain = true;
};

/// Reads the head of a JPEG or PNG file. `item_size` is the element's bytes. Error kDecode when it is neither, or says
/// nothing sensible.
ImageHeader read_image_header(format::Compression compression, base::Bytes encoded, std::uint32_t item_size);

}  // namespace penstock::decode
