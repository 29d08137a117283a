#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "base/bytes.h"
#include "decode/image_decoder.h"

namespace penstock::decode {

/// The most scans of a JPEG that are decoded; encoders write some ten, and each costs a walk over the whole image. It
/// is the limit of libjpeg-turbo's own fuzzing.
inline constexpr int kMostScans = 500;

/// Decodes a baseline or progressive JPEG row by row, by libjpeg-turbo's accurate integer transform with smooth chroma,
/// which is what Pillow and OpenCV do: the same bytes come out. CMYK comes out as Pillow has it (inverted, Adobe's
/// convention). `encoded` must outlive the reader. Every call throws kDecode when the data turn out to be damaged.
class JpegReader {
 public:
  /// With `padded`, pixels of three channels take four bytes, the last of which means nothing.
  /// Errors: kDecode also when the image has another size than `size`. CMYK to another color is converted as OpenCV
  /// does.
  JpegReader(base::Bytes encoded, const ImageSize& size, Color color, bool padded = false);
  ~JpegReader();

  const ImageSize& size() const { return size_; }
  /// Bytes of a pixel that is read.
  std::uint32_t channels() const { return channels_; }
  /// The next `count` rows, `stride` bytes apart.
  void read(std::uint8_t* rows, std::size_t stride, std::uint32_t count);
  /// Passes over the rest and reads on to the end marker: an image without it has been cut, and whether the last bits
  /// were at hand is chance.
  void finish();

 private:
  class Context;
  void read_cmyk(std::uint8_t* rows, std::size_t stride, std::uint32_t count);

  std::unique_ptr<Context> context_;
  ImageSize size_;
  std::uint32_t channels_ = 0;
  bool inverted_ = false;
  std::optional<Color> cmyk_to_;  ///< of a CMYK image: the color that is wanted, unless that is its own
};

/// The whole image. `pixels` holds height x width x channels, where channels is 3 for kRgb and kBgr, 1 for kGray.
void decode_jpeg(base::Bytes encoded, const ImageSize& size, Color color, base::MutableBytes pixels);

}  // namespace penstock::decode
