#include "decode/claims.h"

#include <optional>
#include <string>

#include "base/error.h"
#include "decode/webp.h"

namespace penstock::decode {
namespace {

/// The most bytes of pixels or elements that `encoded` can stand for, by the bytes that it has: a JPEG needs a bit for
/// each block of 64 coefficients; deflate and LZ4 reach 1032 and 255, and a PNG may pack eight pixels in a byte; a gray
/// image may come out in three channels. A WebP of one color needs no bits for its pixels, so that its own statement of
/// its size, at most 16383 x 16383, is all there is to go by.
std::optional<std::uint64_t> most_bytes(format::Compression compression, base::Bytes encoded, std::uint64_t item_size) {
  switch (compression) {
    case format::Compression::kJpeg:
      return base::checked_multiply(encoded.size(), std::uint64_t{8} * 64 * 4 * 3);
    case format::Compression::kPng:
      return base::checked_multiply(encoded.size(), std::uint64_t{1032} * 8 * 3 * item_size);
    case format::Compression::kLz4:
      return base::checked_multiply(encoded.size(), std::uint64_t{255} * 3);
    case format::Compression::kWebp: {
      const ImageSize size = webp_size(encoded);
      return std::uint64_t{size.height} * size.width * size.channels * item_size;
    }
    case format::Compression::kNone:
      return base::checked_multiply(encoded.size(), 3);
  }
  return 0;
}

bool has_no_elements(const base::Shape& shape) {
  for (const std::uint32_t extent : shape) {
    if (extent == 0) return true;
  }
  return false;
}

}  // namespace

void check_claim(format::Compression compression, base::Bytes encoded, const base::Shape& shape,
                 std::uint64_t item_size) {
  if (has_no_elements(shape)) return;
  const auto bytes = base::checked_byte_count(shape, item_size);
  const auto most = most_bytes(compression, encoded, item_size);
  if (bytes && (!most || *bytes <= *most)) return;
  std::string text;
  for (const std::uint32_t extent : shape) text += (text.empty() ? "" : " x ") + std::to_string(extent);
  throw base::Error(base::ErrorKind::kDecode,
                    std::to_string(encoded.size()) + " bytes cannot hold a sample of the stated shape (" + text + ")",
                    base::kDamagedChunk);
}

}  // namespace penstock::decode
