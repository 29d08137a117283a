#include "decode/image_decoder.h"

#include <string>

#include "base/error.h"
#include "decode/jpeg.h"
#include "decode/png.h"
#include "decode/raw.h"
#include "decode/webp.h"
#include "format/lz4.h"

namespace penstock::decode {
namespace {

bool has_no_pixels(const base::Shape& shape) {
  for (const std::uint32_t extent : shape) {
    if (extent == 0) return true;
  }
  return false;
}

}  // namespace

ImageSize image_size(const base::Shape& shape) {
  if (shape.size() == 2) return {shape[0], shape[1], 1};
  if (shape.size() == 3) return {shape[0], shape[1], shape[2]};
  throw base::Error(base::ErrorKind::kDecode,
                    "an image has two or three axes, this sample has " + std::to_string(shape.size()));
}

base::Shape decoded_shape(const base::Shape& stored, Color color) {
  if (color == Color::kNative || has_no_pixels(stored)) return stored;
  const ImageSize size = image_size(stored);
  if (color == Color::kGray) return {size.height, size.width};
  return {size.height, size.width, 3};
}

void decode_image(format::Compression compression, base::Bytes encoded, const base::Shape& stored,
                  std::uint32_t item_size, Color color, base::MutableBytes pixels) {
  if (has_no_pixels(stored)) {
    // What is no file must have no bytes; of files, check_claim() has asked.
    if (!format::is_image_file(compression)) copy_array(compression, encoded, pixels);
    return;
  }
  const ImageSize size = image_size(stored);
  if (color != Color::kNative && item_size != 1) {
    throw base::Error(base::ErrorKind::kUnsupported, "color conversion of images that are not uint8 is not supported");
  }
  switch (compression) {
    case format::Compression::kJpeg:
      if (item_size != 1) {
        throw base::Error(base::ErrorKind::kUnsupported, "a JPEG in a tensor that is not uint8 is not supported");
      }
      decode_jpeg(encoded, size, color, pixels);
      return;
    case format::Compression::kPng:
      decode_png(encoded, size, item_size, color, pixels);
      return;
    case format::Compression::kWebp:
      if (item_size != 1) {
        throw base::Error(base::ErrorKind::kUnsupported, "a WebP in a tensor that is not uint8 is not supported");
      }
      decode_webp(encoded, size, color, pixels);
      return;
    case format::Compression::kNone:
      copy_raw_image(encoded, size, item_size, color, pixels);
      return;
    case format::Compression::kLz4: {
      const base::OwnedBytes raw = format::decompress_lz4(encoded);
      copy_raw_image(raw.view(), size, item_size, color, pixels);
      return;
    }
  }
}

void make_truth_values(base::MutableBytes values) {
  for (std::byte& value : values) value = value == std::byte{0} ? std::byte{0} : std::byte{1};
}

}  // namespace penstock::decode
