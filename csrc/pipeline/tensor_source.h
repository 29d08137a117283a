#pragma once

#include <optional>

#include "decode/image_decoder.h"
#include "format/chunk_index.h"
#include "format/sequence_index.h"
#include "format/tensor_format.h"

namespace penstock::pipeline {

/// One tensor that a loader reads: what its items are, where they lie, how its images come out.
struct TensorSource {
  format::TensorFormat format;
  format::ChunkIndex index;
  decode::Color color = decode::Color::kNative;
  /// Of a tensor of sequences, which items make up a sample. Elsewhere each sample is one item.
  std::optional<format::SequenceIndex> sequences = std::nullopt;

  format::SequenceIndex::Items items_of(std::int64_t sample) const {
    return sequences ? sequences->items(sample) : format::SequenceIndex::Items{sample, sample + 1};
  }
};

}  // namespace penstock::pipeline
