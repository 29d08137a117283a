#include "support/webp_files.h"

#include <webp/encode.h>

#include <stdexcept>

namespace penstock::test {

ByteVector encode_webp(const Picture& picture, bool lossless) {
  const auto* pixels = reinterpret_cast<const std::uint8_t*>(picture.pixels.data());
  const auto width = static_cast<int>(picture.width);
  const auto height = static_cast<int>(picture.height);
  const auto stride = static_cast<int>(picture.width * picture.channels);
  const bool alpha = picture.channels == 4;
  std::uint8_t* file = nullptr;
  std::size_t size = 0;
  if (lossless) {
    size = (alpha ? WebPEncodeLosslessRGBA : WebPEncodeLosslessRGB)(pixels, width, height, stride, &file);
  } else {
    size = (alpha ? WebPEncodeRGBA : WebPEncodeRGB)(pixels, width, height, stride, 80.0F, &file);
  }
  if (size == 0) throw std::runtime_error("libwebp refused the picture");
  const ByteVector out = copy_of(std::as_bytes(std::span(file, size)));
  WebPFree(file);
  return out;
}

}  // namespace penstock::test
