#include "decode/claims.h"

#include <optional>
#include <string>

#include "base/error.h"
#include "decode/codecs.h"

namespace penstock::decode {
namespace {

void check_bytes(std::uint64_t encoded_bytes, std::optional<std::uint64_t> most, const base::Shape& shape,
                 std::uint64_t item_size) {
  const auto bytes = base::checked_byte_count(shape, item_size);
  if (bytes && (!most || *bytes <= *most)) return;
  throw base::Error(
      base::ErrorKind::kDecode,
      std::to_string(encoded_bytes) + " bytes cannot hold a sample of the stated shape (" + text_of(shape) + ")",
      base::kDamagedChunk);
}

void check_pixel_count(const base::Shape& shape) {
  const ImageSize size = image_size(shape);
  const std::uint64_t pixels = std::uint64_t{size.height} * size.width;
  if (pixels <= kMostPixels) return;
  throw base::Error(base::ErrorKind::kDecode,
                    "an image of " + std::to_string(pixels) + " pixels is not read: " + std::to_string(kMostPixels) +
                        " are the limit",
                    "If the image is real, store it in parts.");
}

}  // namespace

void check_claim(format::Compression compression, std::uint64_t encoded_bytes, const base::Shape& shape,
                 std::uint64_t item_size) {
  if (has_no_elements(shape)) {
    // Nothing would be decoded, and a shape that was damaged never be noticed.
    if (format::is_image_file(compression) && encoded_bytes > 0) {
      throw base::Error(
          base::ErrorKind::kDecode,
          std::to_string(encoded_bytes) + " bytes cannot be an image without pixels (" + text_of(shape) + ")",
          base::kDamagedChunk);
    }
    return;
  }
  check_bytes(encoded_bytes, codec_of(compression).most_bytes(encoded_bytes, item_size), shape, item_size);
  if (format::is_image_file(compression)) check_pixel_count(shape);
}

void check_claim(format::Compression compression, base::Bytes encoded, const base::Shape& shape,
                 std::uint64_t item_size) {
  check_claim(compression, encoded.size(), shape, item_size);
  const Codec& codec = codec_of(compression);
  if (has_no_elements(shape) || codec.stated_size == nullptr) return;
  const ImageSize size = codec.stated_size(encoded);
  check_bytes(encoded.size(), std::uint64_t{size.height} * size.width * size.channels * item_size, shape, item_size);
}

ImageSize pipeline_image_size(const base::Shape& shape) {
  const ImageSize size = image_size(shape);
  if (has_no_elements(shape)) {
    throw base::Error(base::ErrorKind::kDecode, "the image is empty (" + text_of(shape) + ")",
                      "Replace the sample, or leave it out.");
  }
  check_pixel_count(shape);
  return size;
}

}  // namespace penstock::decode
