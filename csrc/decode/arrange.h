#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace penstock::decode {

/// What the elements of arranged images are: as they are stored, or scaled to [0, 1].
enum class Scale : std::uint8_t { kNone, kFloat32, kFloat16, kBfloat16 };

/// How images come out that models take as they are.
struct Arrangement {
  bool planes = false;  ///< channels, height, width; else height, width, channels, or what is stored
  Scale scale = Scale::kNone;

  bool changes_nothing() const { return !planes && scale == Scale::kNone; }
};

/// Bytes of an element that has `item_size` of them as it is stored.
std::uint32_t arranged_item_size(const Arrangement& arrangement, std::uint32_t item_size);

/// Shape of an image of which `decoded` is that of the decoded array. Planes of a gray one are one; what is no image
/// (an empty sample) keeps its shape.
base::Shape arranged_shape(const Arrangement& arrangement, const base::Shape& decoded);

/// Writes an image of unsigned elements of one or two bytes. Scaled values are float32(v) / 255 (or 65535), in float32,
/// then rounded to the nearest of the type, to even where two are as near.
void arrange_image(const Arrangement& arrangement, base::Bytes pixels, const base::Shape& decoded,
                   std::uint32_t item_size, base::MutableBytes out);

}  // namespace penstock::decode
