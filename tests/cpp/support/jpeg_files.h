#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "support/bytes.h"

namespace penstock::test {

enum class Subsampling { k444, k422, k420 };

/// What an image file is made from.
struct Picture {
  std::uint32_t height = 0;
  std::uint32_t width = 0;
  std::uint32_t channels = 0;
  ByteVector pixels;
};

/// A picture with slopes, edges and noise; different for every seed.
Picture make_picture(std::uint32_t height, std::uint32_t width, std::uint32_t channels, unsigned seed);

/// 1 channel: gray; 3: YCbCr from RGB; 4: Adobe YCCK from CMYK.
ByteVector encode_jpeg(const Picture& picture, Subsampling subsampling = Subsampling::k444, bool progressive = false);

enum class PlainFormat { kGray, kRgb, kBgr, kCmyk };

/// Decodes by libturbojpeg with the accurate transform and smooth chroma.
ByteVector decode_jpeg_plainly(const ByteVector& file, std::uint32_t height, std::uint32_t width, PlainFormat format);

}  // namespace penstock::test
