#include "decode/raw.h"

#include <algorithm>
#include <optional>
#include <string>

#include "base/error.h"
#include "format/lz4.h"

namespace penstock::decode {
namespace {

void copy_exactly(base::Bytes stored, base::MutableBytes out) {
  if (stored.size() != out.size()) {
    throw base::Error(base::ErrorKind::kDecode, "the sample has " + std::to_string(stored.size()) +
                                                    " bytes, its shape needs " + std::to_string(out.size()));
  }
  std::copy(stored.begin(), stored.end(), out.begin());
}

}  // namespace

void copy_raw_image(base::Bytes stored, const ImageSize& size, std::uint32_t item_size, Color color,
                    base::MutableBytes pixels) {
  if (color == Color::kNative || (color == Color::kRgb && size.channels == 3)) {
    copy_exactly(stored, pixels);
    return;
  }
  const std::size_t count = static_cast<std::size_t>(size.height) * size.width;
  if (stored.size() != count * size.channels * item_size) {
    throw base::Error(base::ErrorKind::kDecode, "the image has " + std::to_string(stored.size()) +
                                                    " bytes, its shape needs " +
                                                    std::to_string(count * size.channels * item_size));
  }
  if (size.channels != 1 && size.channels != 3 && size.channels != 4) {
    throw base::Error(base::ErrorKind::kUnsupported,
                      "an image of " + std::to_string(size.channels) + " channels has no color conversion");
  }
  // Gray has one channel for all three; alpha, the fourth, is passed over.
  const std::size_t green = size.channels == 1 ? 0 : 1;
  const std::size_t blue = size.channels == 1 ? 0 : 2;
  const std::size_t first = color == Color::kBgr ? blue : 0;
  const std::size_t last = color == Color::kBgr ? 0 : blue;
  for (std::size_t i = 0; i < count; ++i) {
    const std::byte* in = stored.data() + i * size.channels;
    std::byte* out = pixels.data() + i * 3;
    out[0] = in[first];
    out[1] = in[green];
    out[2] = in[last];
  }
}

void reduce_to_gray(base::Bytes rgb, base::MutableBytes gray) {
  // 0.299 and 0.587 in 15 bits and the rest, all cut and not rounded.
  constexpr std::uint32_t kRed = 9797;
  constexpr std::uint32_t kGreen = 19234;
  constexpr std::uint32_t kBlue = 3737;
  for (std::size_t i = 0; i < gray.size(); ++i) {
    const auto level = [&](std::size_t channel) { return std::to_integer<std::uint32_t>(rgb[3 * i + channel]); };
    gray[i] = static_cast<std::byte>((kRed * level(0) + kGreen * level(1) + kBlue * level(2)) >> 15U);
  }
}

void copy_array(format::Compression compression, base::Bytes stored, base::MutableBytes out) {
  if (compression == format::Compression::kLz4) {
    copy_exactly(format::decompress_lz4(stored).view(), out);
  } else {
    copy_exactly(stored, out);
  }
}

namespace {

/// A gray image may come out in three channels.
std::optional<std::uint64_t> most_bytes(std::uint64_t stored_bytes, std::uint64_t /*item_size*/) {
  return base::checked_multiply(stored_bytes, 3);
}

/// LZ4 reaches 255.
std::optional<std::uint64_t> most_bytes_of_lz4(std::uint64_t stored_bytes, std::uint64_t /*item_size*/) {
  return base::checked_multiply(stored_bytes, std::uint64_t{255} * 3);
}

void decompress(base::Bytes stored, const ImageSize& size, std::uint32_t item_size, Color color,
                base::MutableBytes pixels) {
  const base::OwnedBytes raw = format::decompress_lz4(stored);
  copy_raw_image(raw.view(), size, item_size, color, pixels);
}

}  // namespace

const Codec kRaw{.compression = format::Compression::kNone,
                 .name = "none",
                 .title = "raw image",
                 .only_uint8 = false,
                 .makes_gray = false,
                 .most_bytes = &most_bytes,
                 .decode = &copy_raw_image,
                 .open = nullptr,
                 .header = nullptr,
                 .stated_size = nullptr};

const Codec kLz4{.compression = format::Compression::kLz4,
                 .name = "lz4",
                 .title = "raw image",
                 .only_uint8 = false,
                 .makes_gray = false,
                 .most_bytes = &most_bytes_of_lz4,
                 .decode = &decompress,
                 .open = nullptr,
                 .header = nullptr,
                 .stated_size = nullptr};

}  // namespace penstock::decode
