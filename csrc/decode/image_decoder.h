#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "format/tensor_format.h"

namespace penstock::decode {

/// kNative is what Deep Lake returns: gray, RGB or RGBA as stored. kRgb and kBgr are always three uint8 channels:
/// gray is replicated, alpha dropped. kGray is one uint8 channel, as OpenCV reads files: a JPEG's luma, else weighted
/// RGB.
enum class Color { kNative, kRgb, kBgr, kGray };

/// Height, width and channels of an image whose stored shape is (h, w) or (h, w, c).
struct ImageSize {
  std::uint32_t height = 0;
  std::uint32_t width = 0;
  std::uint32_t channels = 1;
};

/// Error kDecode when the shape is not an image's.
ImageSize image_size(const base::Shape& shape);

/// Shape of the decoded array: `stored` for kNative, (h, w) for kGray, (h, w, 3) otherwise. A sample without pixels
/// keeps its shape.
base::Shape decoded_shape(const base::Shape& stored, Color color);

/// Decodes one image into `pixels`, which has exactly the bytes of decoded_shape(). `item_size` is the element's bytes
/// (1, or 2 for 16-bit PNG and raw). Errors: kDecode when the bytes cannot be decoded or decode to another size than
/// `stored`, kUnsupported for variants that are not read.
void decode_image(format::Compression compression, base::Bytes encoded, const base::Shape& stored,
                  std::uint32_t item_size, Color color, base::MutableBytes pixels);

/// Turns uint8 values into truth values in place: everything but 0 becomes 1.
void make_truth_values(base::MutableBytes values);

}  // namespace penstock::decode
