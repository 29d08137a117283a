#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "decode/image_decoder.h"
#include "format/chunk_index.h"
#include "format/tensor_format.h"
#include "pipeline/sample_reader.h"

namespace penstock::pipeline {

/// One tensor that a loader reads: what its samples are, where they lie, how its images come out.
struct TensorSource {
  format::TensorFormat format;
  format::ChunkIndex index;
  decode::Color color = decode::Color::kNative;
  /// Where samples come from instead of chunks; `index` is empty then.
  std::shared_ptr<SampleReader> reader = nullptr;

  /// Key of the chunk that holds a sample; empty where there are no chunks.
  std::string chunk_of(std::int64_t sample) const {
    return reader == nullptr ? index.key(index.locate(sample).row) : std::string();
  }

  /// How the bytes of a sample of this tensor are compressed.
  format::Compression compression_of(const FetchedSample& sample) const {
    return sample.raw ? format::Compression::kNone : format.sample_compression;
  }
};

/// Error kDecode where a sample's encoded bytes could never hold what its shape says: before memory is taken for it.
void check_plausible(const format::TensorFormat& format, std::uint64_t encoded_bytes, const base::Shape& shape);

}  // namespace penstock::pipeline
