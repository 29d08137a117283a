#include "pipeline/tensor_source.h"

#include <string>

#include "base/error.h"

namespace penstock::pipeline {
namespace {

/// The most bytes of pixels or elements that a byte of encoded data can stand for: a JPEG needs a bit for each block
/// of 64 coefficients; deflate and LZ4 reach 1032 and 255, and a PNG may pack eight pixels in a byte; a gray image may
/// come out in three channels. A shape that claims more is a lie, found before memory is taken for it.
std::uint64_t most_expansion(format::Compression compression) {
  switch (compression) {
    case format::Compression::kJpeg:
      return std::uint64_t{8} * 64 * 4 * 3;
    case format::Compression::kPng:
      return std::uint64_t{1032} * 8 * 3;
    case format::Compression::kLz4:
      return std::uint64_t{255} * 3;
    case format::Compression::kNone:
      return 3;
  }
  return 1;
}

bool is_encoded_image(const format::TensorFormat& format) {
  return format.is_image && format.sample_compression != format::Compression::kNone &&
         format.sample_compression != format::Compression::kLz4;
}

}  // namespace

void check_plausible(const format::TensorFormat& format, std::uint64_t encoded_bytes, const base::Shape& shape) {
  const auto bytes = base::checked_byte_count(shape, format.item_size);
  if (bytes && *bytes <= most_expansion(format.sample_compression) * encoded_bytes) {
    if (is_encoded_image(format)) decode::check_pixel_count(shape);
    return;
  }
  std::string text;
  for (const std::uint32_t extent : shape) text += (text.empty() ? "" : " x ") + std::to_string(extent);
  throw base::Error(base::ErrorKind::kDecode,
                    std::to_string(encoded_bytes) + " bytes cannot hold a sample of the stated shape (" + text + ")",
                    base::kDamagedChunk);
}

}  // namespace penstock::pipeline
