#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "decode/arrange.h"
#include "decode/image.h"
#include "format/chunk_index.h"
#include "format/sequence_index.h"
#include "format/tensor_format.h"
#include "pipeline/row_map.h"
#include "pipeline/sample_reader.h"

namespace penstock::pipeline {

/// One tensor that a loader reads: what its items are, where they lie, how its images come out. Loaders count samples
/// as the view does that they read; items are the tensor's.
struct TensorSource {
  format::TensorFormat format;
  format::ChunkIndex index;
  decode::Color color = decode::Color::kNative;
  /// How decoded images come out of a batch, where each is as it is stored otherwise; their elements are unsigned.
  decode::Arrangement arrangement = {};
  /// Of a tensor of sequences, which items make up a sample. Elsewhere each sample is one item.
  std::optional<format::SequenceIndex> sequences = std::nullopt;
  std::optional<RowMap> view = std::nullopt;
  /// Where samples come from instead of chunks; `index` is empty then.
  std::shared_ptr<SampleReader> reader = nullptr;

  /// Number of a sample in the dataset, which errors name.
  std::int64_t stored(std::int64_t sample) const { return view ? view->at(sample) : sample; }

  format::SequenceIndex::Items items_of(std::int64_t sample) const {
    const std::int64_t number = stored(sample);
    return sequences ? sequences->items(number) : format::SequenceIndex::Items{number, number + 1};
  }

  /// Key of the chunk that holds an item, or the first tile of it; empty where there are no chunks.
  std::string chunk_of(std::int64_t item) const {
    return reader == nullptr ? index.key(index.locate(item).row) : std::string();
  }

  /// How the bytes of a sample of this tensor are compressed.
  format::Compression compression_of(const FetchedSample& sample) const {
    return sample.raw ? format::Compression::kNone : format.sample_compression;
  }
};

}  // namespace penstock::pipeline
