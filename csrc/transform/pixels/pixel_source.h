#pragma once

#include <cstdint>

#include "transform/pixels/pixel_plan.h"

namespace penstock::transform {

/// The decoded rows of one image, from the top down. Not thread-safe; used once.
class PixelSource {
 public:
  virtual ~PixelSource() = default;
  PixelSource() = default;
  PixelSource(const PixelSource&) = delete;
  PixelSource& operator=(const PixelSource&) = delete;

  virtual Extent extent() const = 0;
  /// Bytes of a pixel: 1 (gray), 3, or 4, the last of which means nothing. Rows of four are used as they are.
  virtual std::uint32_t channels() const = 0;
  /// The next `count` rows, interleaved uint8, `stride` bytes apart. Throws what decoding throws.
  virtual void read(std::uint8_t* rows, std::size_t stride, std::uint32_t count) = 0;
  /// After the last row that is needed: reads on to the end, so that a damaged image is found whatever was cropped.
  virtual void finish() = 0;
};

/// The images that a sample is made of.
class PixelSources {
 public:
  virtual ~PixelSources() = default;
  /// Starts decoding image `number`; a plan may ask for one image several times.
  virtual std::unique_ptr<PixelSource> open(std::size_t number) = 0;
};

/// Where the pixels of one image of a batch go.
struct PixelTarget {
  std::byte* data = nullptr;  ///< the image's place in the slab
  bool planar = false;        ///< channels, height, width; else height, width, channels
  Extent padded;              ///< at least the image's extent; what lies beyond is filled (planar or not)
  float pad_value = 0;
};

/// Runs a plan; writes the element type that is_float() says. Memory that it needs between steps is kept by the thread.
void run_pixels(const PixelPlan& plan, PixelSources& sources, const PixelTarget& target);

}  // namespace penstock::transform
