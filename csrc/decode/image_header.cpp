#include "decode/image_header.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>

#include "base/error.h"

namespace penstock::decode {
namespace {

[[noreturn]] void fail(const std::string& cause) { throw base::Error(base::ErrorKind::kDecode, cause, kDamagedImage); }

std::uint32_t byte_at(base::Bytes bytes, std::size_t offset) { return std::to_integer<std::uint32_t>(bytes[offset]); }

/// Big-endian, as both formats have it; the caller has checked that it is there.
std::uint32_t u16_at(base::Bytes bytes, std::size_t offset) {
  return byte_at(bytes, offset) << 8 | byte_at(bytes, offset + 1);
}

std::uint32_t u32_at(base::Bytes bytes, std::size_t offset) {
  return u16_at(bytes, offset) << 16 | u16_at(bytes, offset + 2);
}

/// The markers that begin a frame and state its size: SOF0 to SOF15 without DHT, JPG and DAC, which lie among them.
bool begins_frame(std::uint32_t marker) {
  return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
}

/// Markers that stand alone: TEM, RST0 to RST7, SOI.
bool has_no_length(std::uint32_t marker) { return marker == 0x01 || (marker >= 0xD0 && marker <= 0xD8); }

}  // namespace

ImageHeader read_jpeg_header(base::Bytes encoded, std::uint32_t /*item_size*/) {
  if (encoded.size() < 2 || u16_at(encoded, 0) != 0xFFD8) fail("JPEG: the data does not begin as a JPEG does");
  std::size_t at = 2;
  while (at + 4 <= encoded.size()) {
    if (byte_at(encoded, at) != 0xFF) {
      ++at;  // libjpeg, too, looks for the next marker
      continue;
    }
    const std::uint32_t marker = byte_at(encoded, at + 1);
    if (marker == 0xFF) {
      ++at;
      continue;
    }
    at += 2;
    if (marker == 0x00 || has_no_length(marker)) continue;
    if (marker == 0xDA || marker == 0xD9) break;
    const std::uint32_t length = u16_at(encoded, at);
    if (begins_frame(marker)) {
      if (length < 8 || at + 8 > encoded.size()) break;
      return {{u16_at(encoded, at + 3), u16_at(encoded, at + 5), byte_at(encoded, at + 7)}, true};
    }
    at += std::max<std::uint32_t>(length, 2);
  }
  fail("JPEG: the data ends before the image's size");
}

ImageHeader read_png_header(base::Bytes encoded, std::uint32_t item_size) {
  constexpr std::array<std::uint32_t, 3> kStart = {0x89504E47, 0x0D0A1A0A, 0x49484452};  // signature, "IHDR"
  if (encoded.size() < 29 || u32_at(encoded, 0) != kStart[0] || u32_at(encoded, 4) != kStart[1] ||
      u32_at(encoded, 12) != kStart[2]) {
    fail("PNG: the data does not begin as a PNG does");
  }
  const std::uint32_t bits = byte_at(encoded, 24);
  const std::uint32_t color_type = byte_at(encoded, 25);
  constexpr std::array<std::uint32_t, 7> kChannels = {1, 0, 3, 1, 2, 0, 4};  // by color type; 0: there is none such
  if (color_type >= kChannels.size() || kChannels[color_type] == 0) {
    fail("PNG: there is no color type " + std::to_string(color_type));
  }
  // Of 16 bits only gray keeps them (see decode_png).
  const bool plain = color_type != 3 && bits == 8 * item_size && (bits == 8 || color_type == 0);
  // The width stands before the height.
  return {{u32_at(encoded, 20), u32_at(encoded, 16), kChannels[color_type]}, plain};
}

}  // namespace penstock::decode
