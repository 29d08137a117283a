#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.h"

namespace penstock::format {

enum class Compression { kNone, kJpeg, kPng, kLz4 };

/// What the tensor's metadata says of every sample. Checked in Python when the dataset is opened.
struct TensorFormat {
  std::string name;
  bool is_image = false;
  std::uint32_t item_size = 1;  ///< bytes of one element
  Compression sample_compression = Compression::kNone;
  Compression chunk_compression = Compression::kNone;  ///< kNone or kLz4
  /// Shape of every sample, where the metadata's smallest and largest shape agree. It then rules over the chunk's
  /// shape table, as it does in Deep Lake.
  std::optional<base::Shape> fixed_shape;
  /// Number of axes of a sample; an empty sample that no table describes has this many zeros for a shape.
  std::uint32_t dimensions = 1;
  /// Samples come out as their bytes, decompressed: uint8 of shape (number of bytes), whatever shape is stated. For
  /// text, JSON and polygons, whose values Python makes. Then `item_size` is 1 and there is no `fixed_shape`.
  bool as_bytes = false;
};

}  // namespace penstock::format
