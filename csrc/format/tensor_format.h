#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.h"

namespace penstock::format {

enum class Compression { kNone, kJpeg, kPng, kWebp, kLz4 };

/// Whether the bytes are an image file.
constexpr bool is_image_file(Compression compression) {
  return compression == Compression::kJpeg || compression == Compression::kPng || compression == Compression::kWebp;
}

/// What the tensor's metadata says of every sample. Checked in Python when the dataset is opened.
struct TensorFormat {
  std::string name;
  bool is_image = false;        ///< samples are decoded as images: they are, or they are compressed as if they were
  std::uint32_t item_size = 1;  ///< bytes of one element
  Compression sample_compression = Compression::kNone;
  Compression chunk_compression = Compression::kNone;  ///< of an image file: the samples stand side by side
  /// Shape of every sample, where the metadata's smallest and largest shape agree. Deep Lake finds
  /// samples by it; where a chunk states another shape or place of a sample, one of the two is damaged.
  std::optional<base::Shape> fixed_shape;
  /// Number of axes of a sample; an empty sample that no table describes has this many zeros for a shape.
  std::uint32_t dimensions = 1;
  /// Samples come out as their bytes, less lz4 where `sample_compression` says so: uint8 of shape (number of bytes),
  /// whatever shape is stated. For what Python makes values or pictures of. Then `item_size` is 1, and `fixed_shape` a
  /// number of bytes or nothing.
  bool as_bytes = false;
  /// Elements are truth values: images come out as 0 and 1.
  bool is_bool = false;
};

}  // namespace penstock::format
