#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "base/bytes.h"
#include "base/row_source.h"
#include "decode/image.h"

namespace penstock::decode {

/// The most scans of a JPEG that are decoded; encoders write some ten, and each costs a walk over the whole image. It
/// is the limit of libjpeg-turbo's own fuzzing.
inline constexpr int kMostScans = 500;

/// Decodes a baseline or progressive JPEG row by row, by libjpeg-turbo's accurate integer transform with smooth chroma,
/// which is what Pillow and OpenCV do: the same bytes come out. CMYK comes out as Pillow has it (inverted, Adobe's
/// convention). `encoded` must outlive the reader. Every call throws kDecode when the data turn out to be damaged.
class TurboReader final : public base::RowSource {
 public:
  /// With `padded`, pixels of three channels take four bytes, the last of which means nothing.
  /// Errors: kDecode also when the image has another size than `size`. CMYK to another color is converted as OpenCV
  /// does.
  TurboReader(base::Bytes encoded, const ImageSize& size, Color color, bool padded = false);
  ~TurboReader() override;

  std::uint32_t height() const override { return size_.height; }
  std::uint32_t width() const override { return size_.width; }
  std::uint32_t channels() const override { return channels_; }
  void read(std::uint8_t* rows, std::size_t stride, std::uint32_t count) override;
  /// Passes over the rest; what stands there is damage as far as Pillow would notice it (csrc/decode/README.md).
  void finish() override;

 private:
  class Context;
  void read_cmyk(std::uint8_t* rows, std::size_t stride, std::uint32_t count);

  std::unique_ptr<Context> context_;
  ImageSize size_;
  std::uint32_t channels_ = 0;
  bool inverted_ = false;
  std::optional<Color> cmyk_to_;  ///< of a CMYK image: the color that is wanted, unless that is its own
};

}  // namespace penstock::decode
