#include "decode/webp.h"

#include <webp/decode.h>
#include <webp/demux.h>

#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "decode/raw.h"

namespace penstock::decode {
namespace {

constexpr const char* kDamaged = "The image is damaged: replace the sample, or leave it out.";

[[noreturn]] void fail(const std::string& cause, const char* hint = "") {
  throw base::Error(base::ErrorKind::kDecode, "WebP: " + cause, hint);
}

const std::uint8_t* bytes_of(base::Bytes encoded) { return reinterpret_cast<const std::uint8_t*>(encoded.data()); }

WebPBitstreamFeatures features_of(base::Bytes encoded) {
  WebPBitstreamFeatures features{};
  const VP8StatusCode status = WebPGetFeatures(bytes_of(encoded), encoded.size(), &features);
  if (status == VP8_STATUS_NOT_ENOUGH_DATA) fail("the data ends too early", kDamaged);
  if (status != VP8_STATUS_OK || features.width <= 0 || features.height <= 0) fail("this is no WebP image", kDamaged);
  return features;
}

ImageSize size_of(const WebPBitstreamFeatures& features) {
  return {static_cast<std::uint32_t>(features.height), static_cast<std::uint32_t>(features.width),
          features.has_alpha != 0 ? 4U : 3U};
}

void check_size(const ImageSize& found, const ImageSize& stated) {
  if (found.height != stated.height || found.width != stated.width) {
    fail("the image is " + std::to_string(found.height) + " x " + std::to_string(found.width) +
         " (height x width), the dataset says " + std::to_string(stated.height) + " x " + std::to_string(stated.width));
  }
  if (found.channels != stated.channels) {
    fail("the image has " + std::to_string(found.channels) + " channels, the dataset says " +
         std::to_string(stated.channels));
  }
}

/// As Pillow reads it, by its parts: the file must be whole, and nothing but the picture's own chunks counts.
void decode_still(base::Bytes encoded, const ImageSize& size, Color color, base::MutableBytes pixels) {
  const WebPData data{bytes_of(encoded), encoded.size()};
  const std::unique_ptr<WebPDemuxer, decltype(&WebPDemuxDelete)> parts(WebPDemux(&data), &WebPDemuxDelete);
  WebPIterator frame{};
  if (parts == nullptr || WebPDemuxGetFrame(parts.get(), 1, &frame) == 0) {
    fail("the data is damaged or ends too early", kDamaged);
  }
  const std::unique_ptr<WebPIterator, decltype(&WebPDemuxReleaseIterator)> release(&frame, &WebPDemuxReleaseIterator);
  const bool alpha = color == Color::kNative && size.channels == 4;
  const auto decode = color == Color::kBgr ? WebPDecodeBGRInto : alpha ? WebPDecodeRGBAInto : WebPDecodeRGBInto;
  const int stride = static_cast<int>(size.width * (alpha ? 4 : 3));  // a WebP is at most 16383 wide
  auto* const out = reinterpret_cast<std::uint8_t*>(pixels.data());
  if (decode(frame.fragment.bytes, frame.fragment.size, out, pixels.size(), stride) == nullptr) {
    fail("the data is damaged or ends too early", kDamaged);
  }
}

void decode_first_frame(base::Bytes encoded, const ImageSize& size, Color color, base::MutableBytes pixels) {
  const WebPData data{bytes_of(encoded), encoded.size()};
  const std::unique_ptr<WebPAnimDecoder, decltype(&WebPAnimDecoderDelete)> decoder(WebPAnimDecoderNew(&data, nullptr),
                                                                                   &WebPAnimDecoderDelete);
  std::uint8_t* canvas = nullptr;
  int timestamp = 0;
  if (decoder == nullptr || WebPAnimDecoderGetNext(decoder.get(), &canvas, &timestamp) == 0) {
    fail("the animation is damaged or ends too early", kDamaged);
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

void decode_webp(base::Bytes encoded, const ImageSize& size, Color color, base::MutableBytes pixels) {
  const WebPBitstreamFeatures features = features_of(encoded);
  check_size(size_of(features), size);
  if (color == Color::kGray) {
    std::vector<std::byte> rgb(pixels.size() * 3);
    decode_webp(encoded, size, Color::kRgb, rgb);
    reduce_to_gray(rgb, pixels);
    return;
  }
  if (features.has_animation != 0) {
    decode_first_frame(encoded, size, color, pixels);
  } else {
    decode_still(encoded, size, color, pixels);
  }
}

}  // namespace penstock::decode
