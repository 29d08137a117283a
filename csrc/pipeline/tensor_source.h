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

}  // namespace penstock::pipeline
