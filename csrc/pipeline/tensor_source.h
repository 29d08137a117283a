#pragma once

#include "decode/image_decoder.h"
#include "format/chunk_index.h"
#include "format/tensor_format.h"

namespace penstock::pipeline {

/// One tensor that a loader reads: what its samples are, where they lie, how its images come out.
struct TensorSource {
  format::TensorFormat format;
  format::ChunkIndex index;
  decode::Color color = decode::Color::kNative;
};

/// Error kDecode where a sample's encoded bytes could never hold what its shape says, or where an encoded image claims
/// more than decode::kMostPixels: before memory is taken for it.
void check_plausible(const format::TensorFormat& format, std::uint64_t encoded_bytes, const base::Shape& shape);

}  // namespace penstock::pipeline
