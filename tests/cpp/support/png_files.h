#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "support/bytes.h"

namespace penstock::test {

enum class PngKind { kGray, kGrayAlpha, kRgb, kRgba, kPalette };

/// A PNG by its samples: values of `depth` bits, row by row, channel by channel.
struct PngPicture {
  PngKind kind = PngKind::kRgb;
  int depth = 8;
  std::uint32_t height = 0;
  std::uint32_t width = 0;
  bool interlaced = false;
  bool transparency = false;  ///< a tRNS chunk: one transparent color, or alpha for the first palette entries
  std::vector<std::uint16_t> samples;
  std::vector<std::array<std::uint8_t, 3>> palette;

  std::uint32_t channels() const;
};

/// Random samples, and a palette where the kind has one.
PngPicture make_png_picture(PngKind kind, int depth, std::uint32_t height, std::uint32_t width, unsigned seed);

ByteVector encode_png(const PngPicture& picture);

}  // namespace penstock::test
