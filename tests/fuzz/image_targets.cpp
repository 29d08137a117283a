#include <array>
#include <cstdint>
#include <vector>

#include "base/error.h"
#include "decode/image_decoder.h"
#include "decode/raw.h"
#include "decode/webp.h"
#include "targets.h"

namespace penstock::fuzz {
namespace {

/// Larger images are decoded by the same code, slowly.
constexpr std::uint64_t kMostPixels = std::uint64_t{1} << 18;

std::uint32_t big_endian(base::Bytes bytes, std::size_t offset, std::size_t count) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < count; ++i) value = value << 8U | static_cast<std::uint32_t>(bytes[offset + i]);
  return value;
}

void decode_in_all_colors(format::Compression compression, base::Bytes file, const base::Shape& shape) {
  if (std::uint64_t{shape[0]} * shape[1] > kMostPixels) return;
  for (const decode::Color color :
       {decode::Color::kNative, decode::Color::kRgb, decode::Color::kBgr, decode::Color::kGray}) {
    for (const std::uint32_t item_size : {1U, 2U, 4U}) {
      try {
        const auto bytes = base::checked_byte_count(decode::decoded_shape(shape, color), item_size);
        std::vector<std::byte> pixels(*bytes);
        decode::decode_image(compression, file, shape, item_size, color, pixels);
      } catch (const base::Error&) {
      }
    }
  }
}

std::uint32_t crc32(base::Bytes bytes) {
  std::uint32_t crc = ~std::uint32_t{0};
  for (const std::byte value : bytes) {
    crc ^= static_cast<std::uint32_t>(value);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? 0xEDB88320U : 0U);
  }
  return ~crc;
}

constexpr std::size_t kPngSignature = 8;

void mend_checksums(std::vector<std::byte>& file) {
  for (std::size_t at = kPngSignature; at + 12 <= file.size();) {
    const std::size_t length = big_endian(file, at, 4);
    if (length > file.size() - at - 12) return;
    const std::uint32_t crc = crc32(base::Bytes(file).subspan(at + 4, length + 4));
    for (std::size_t i = 0; i < 4; ++i) file[at + 8 + length + i] = static_cast<std::byte>(crc >> (24 - 8 * i));
    at += length + 12;
  }
}

}  // namespace

void png(base::Bytes input) {
  if (input.size() < 26) return;
  std::vector<std::byte> file(input.begin(), input.end());
  mend_checksums(file);
  // In the first chunk: width, height, bits, color type.
  constexpr std::array<std::uint32_t, 8> kChannels = {1, 1, 3, 1, 2, 1, 4, 1};
  std::uint32_t channels = kChannels[static_cast<std::size_t>(file[25]) % kChannels.size()];
  if (channels == 2 && static_cast<unsigned>(file[24]) == 16) channels = 4;
  decode_in_all_colors(format::Compression::kPng, file, {big_endian(file, 20, 4), big_endian(file, 16, 4), channels});
}

void webp(base::Bytes input) {
  try {
    const decode::ImageSize size = decode::webp_size(input);
    decode_in_all_colors(format::Compression::kWebp, input, {size.height, size.width, size.channels});
  } catch (const base::Error&) {
  }
}

void raw(base::Bytes input) {
  if (input.size() < 5) return;
  const auto at = [&](std::size_t i) { return static_cast<std::uint32_t>(input[i]); };
  const decode::ImageSize size{at(0), at(1), at(2)};
  const std::uint32_t item_size = 1U << (at(3) % 2);
  const auto color = item_size == 1 ? static_cast<decode::Color>(at(4) % 4) : decode::Color::kNative;
  const base::Shape shape{size.height, size.width, size.channels};
  std::vector<std::byte> pixels(*base::checked_byte_count(decode::decoded_shape(shape, color), item_size));
  try {
    decode::decode_image(format::Compression::kNone, input.subspan(5), shape, item_size, color, pixels);
  } catch (const base::Error&) {
  }
}

}  // namespace penstock::fuzz
