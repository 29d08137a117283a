#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "transform/extent.h"

namespace penstock::transform {

/// The part of one object's bitmap that may be other than 0: `height` rows of `width` bytes, `stride` bytes apart.
struct MaskPatch {
  std::int32_t left = 0;
  std::int32_t top = 0;
  std::int32_t width = 0;
  std::int32_t height = 0;
  std::size_t offset = 0;  ///< of its first byte in MaskPatches::bytes
  std::size_t stride = 0;
};

/// Bitmaps of `extent`, of which only a rectangle of each object is in memory; everything outside of it is 0.
/// Copies share the bytes, which nobody changes once they are written.
struct MaskPatches {
  Extent extent;
  std::vector<MaskPatch> patches;
  std::shared_ptr<std::uint8_t[]> bytes;

  const std::uint8_t* row(const MaskPatch& patch, std::int32_t y) const {
    return bytes.get() + patch.offset + static_cast<std::size_t>(y) * patch.stride;
  }
};

/// Makes a patch as small as its bytes allow; without any byte but 0 it becomes 0 x 0 at (0, 0).
void tighten(const MaskPatches& masks, MaskPatch& patch);

/// Places patches whose sizes are known back to back, with memory that is not yet written.
void allocate(MaskPatches& masks);

/// In place, row by row: each byte becomes the exclusive or of itself and all above it. The borders of a region, each
/// entered by turning a byte, become the region.
void fill_between_borders(std::uint8_t* rows, std::int32_t width, std::int32_t height, std::size_t stride);

}  // namespace penstock::transform
