#include "decode/claims.h"

#include <optional>
#include <string>

#include "base/error.h"
#include "decode/webp.h"

namespace penstock::decode {
namespace {

constexpr std::uint64_t kWidestWebp = 16383;

/// The most bytes of pixels or elements that so many encoded bytes can stand for: a JPEG needs a bit for each block of
/// 64 coefficients; deflate and LZ4 reach 1032 and 255, and a PNG may pack eight pixels in a byte; a gray image may
/// come out in three channels. A WebP of one color needs no bits for its pixels.
std::optional<std::uint64_t> most_bytes(format::Compression compression, std::uint64_t encoded_bytes,
                                        std::uint64_t item_size) {
  switch (compression) {
    case format::Compression::kJpeg:
      return base::checked_multiply(encoded_bytes, std::uint64_t{8} * 64 * 4 * 3);
    case format::Compression::kPng:
      return base::checked_multiply(encoded_bytes, std::uint64_t{1032} * 8 * 3 * item_size);
    case format::Compression::kLz4:
      return base::checked_multiply(encoded_bytes, std::uint64_t{255} * 3);
    case format::Compression::kWebp:
      return kWidestWebp * kWidestWebp * 4 * item_size;
    case format::Compression::kNone:
      return base::checked_multiply(encoded_bytes, 3);
  }
  return 0;
}

bool has_no_elements(const base::Shape& shape) {
  for (const std::uint32_t extent : shape) {
    if (extent == 0) return true;
  }
  return false;
}

std::string text_of(const base::Shape& shape) {
  std::string text;
  for (const std::uint32_t extent : shape) text += (text.empty() ? "" : " x ") + std::to_string(extent);
  return text;
}

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
  check_bytes(encoded_bytes, most_bytes(compression, encoded_bytes, item_size), shape, item_size);
  if (format::is_image_file(compression)) check_pixel_count(shape);
}

void check_claim(format::Compression compression, base::Bytes encoded, const base::Shape& shape,
                 std::uint64_t item_size) {
  check_claim(compression, encoded.size(), shape, item_size);
  if (has_no_elements(shape) || compression != format::Compression::kWebp) return;
  // All there is to go by is its own statement of its size.
  const ImageSize size = webp_size(encoded);
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
