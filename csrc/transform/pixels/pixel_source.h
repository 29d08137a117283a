#pragma once

#include <cstddef>
#include <memory>

#include "base/row_source.h"
#include "transform/pixels/pixel_plan.h"

namespace penstock::transform {

/// The images that a sample is made of.
class PixelSources {
 public:
  virtual ~PixelSources() = default;
  /// Starts decoding image `number`; a plan may ask for one image several times.
  virtual std::unique_ptr<base::RowSource> open(std::size_t number) = 0;
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
