#include "decode/webp.h"

#include <webp/decode.h>
#include <webp/demux.h>

#include <memory>
#include <optional>
#include <string>

#include "base/error.h"

namespace penstock::decode {
namespace {

[[noreturn]] void fail(const std::string& cause, const char* hint = "") {
  throw base::Error(base::ErrorKind::kDecode, "WebP: " + cause, hint);
}

const std::uint8_t* bytes_of(base::Bytes encoded) { return reinterpret_cast<const std::uint8_t*>(encoded.data()); }

WebPBitstreamFeatures features_of(base::Bytes encoded) {
  WebPBitstreamFeatures features{};
  const VP8StatusCode status = WebPGetFeatures(bytes_of(encoded), encoded.size(), &features);
  if (status == VP8_STATUS_NOT_ENOUGH_DATA) fail("the data ends too early", kDamagedImage);
  if (status != VP8_STATUS_OK || features.width <= 0 || features.height <= 0)
    fail("this is no WebP image", kDamagedImage);
  return features;
}

ImageSize size_of(const WebPBitstreamFeatures& features) {
  return {static_cast<std::uint32_t>(features.height), static_cast<std::uint32_t>(features.width),
          features.has_alpha != 0 ? 4U : 3U};
}

/// As Pillow reads it, by its parts: the file must be whole, and nothing but the picture's own chunks counts.
void decode_still(base::Bytes encoded, const ImageSize& size, Color color, base::MutableBytes pixels) {
  const WebPData data{bytes_of(encoded), encoded.size()};
  const std::unique_ptr<WebPDemuxer, decltype(&WebPDemuxDelete)> parts(WebPDemux(&data), &WebPDemuxDelete);
  WebPIterator frame{};
  if (parts == nullptr || WebPDemuxGetFrame(parts.get(), 1, &frame) == 0) {
    fail("the data is damaged or ends too early", kDamagedImage);
  }
  const std::unique_ptr<WebPIterator, decltype(&WebPDemuxReleaseIterator)> release(&frame, &WebPDemuxReleaseIterator);
  const bool alpha = color == Color::kNative && size.channels == 4;
  const auto decode = color == Color::kBgr ? WebPDecodeBGRInto : alpha ? WebPDecodeRGBAInto : WebPDecodeRGBInto;
  const int stride = static_cast<int>(size.width * (alpha ? 4 : 3));  // a WebP is at most 16383 wide
  auto* const out = reinterpret_cast<std::uint8_t*>(pixels.data());
  if (decode(frame.fragment.bytes, frame.fragment.size, out, pixels.size(), stride) == nullptr) {
    fail("the data is damaged or ends too early", kDamagedImage);
  }
}

void decode_first_frame(base::Bytes encoded, const ImageSize& size, Color color, base::MutableBytes pixels) {
  const WebPData data{bytes_of(encoded), encoded.size()};
  const std::unique_ptr<WebPAnimDecoder, decltype(&WebPAnimDecoderDelete)> decoder(WebPAnimDecoderNew(&data, nullptr),
                                                                                   &WebPAnimDecoderDelete);
  std::uint8_t* canvas = nullptr;
  int timestamp = 0;
  if (decoder == nullptr || WebPAnimDecoderGetNext(decoder.get(), &canvas, &timestamp) == 0) {
    fail("the animation is damaged or ends too early", kDamagedImage);
  }
  const std::size_t channels = color == Color::kNative ? size.channels : 3;
  const std::size_t count = static_cast<std::size_t>(size.height) * size.width;
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t c = 0; c < channels; ++c) {
      pixels[i * channels + c] = static_cast<std::byte>(canvas[i * 4 + (color == Color::kBgr ? 2 - c : c)]);
    }
  }
}

}  // namespace

ImageSize webp_size(base::Bytes encoded) { return size_of(features_of(encoded)); }

namespace {

/// A WebP of one color needs no bits for its pixels.
std::optional<std::uint64_t> most_bytes(std::uint64_t /*encoded_bytes*/, std::uint64_t item_size) {
  constexpr std::uint64_t kWidest = 16383;
  return kWidest * kWidest * 4 * item_size;
}

void decode(base::Bytes encoded, const ImageSize& size, std::uint32_t /*item_size*/, Color color,
            base::MutableBytes pixels) {
  const WebPBitstreamFeatures features = features_of(encoded);
  check_size("WebP", size_of(features), size);
  if (features.has_animation != 0) {
    decode_first_frame(encoded, size, color, pixels);
  } else {
    decode_still(encoded, size, color, pixels);
  }
}

}  // namespace

const Codec kWebp{.compression = format::Compression::kWebp,
                  .name = "webp",
                  .title = "WebP",
                  .only_uint8 = true,
                  .makes_gray = false,
                  .most_bytes = &most_bytes,
                  .decode = &decode,
                  .open = nullptr,
                  .header = nullptr,
                  .stated_size = &webp_size};

}  // namespace penstock::decode
