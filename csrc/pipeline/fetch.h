#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/stats.h"
#include "format/chunk.h"
#include "pipeline/fetched_sample.h"
#include "pipeline/sample_reader.h"
#include "pipeline/tensor_source.h"
#include "storage/chunk_cache.h"
#include "storage/metered_store.h"
#include "storage/store.h"

namespace penstock::pipeline {

/// Reads items (samples, or the items of sequences) through the chunk cache. Thread-safe.
class Fetcher {
 public:
  Fetcher(storage::Store& store, const std::vector<TensorSource>& sources, std::uint64_t cache_bytes,
          base::Stats& stats);

  /// `whole` says whether the chunk is worth keeping (see ReadPolicy). Errors name tensor, chunk and sample; of an item
  /// of a sequence, the sequence is the caller's to name.
  FetchedSample fetch(std::size_t tensor, std::int64_t item, bool whole);

  /// The two halves of fetch(), for whoever reads all samples of a chunk: the chunk, and one of its samples. Errors of
  /// theirs have no place yet.
  std::shared_ptr<const format::Chunk> open(std::size_t tensor, std::uint32_t row, bool whole);
  FetchedSample read(std::size_t tensor, format::ChunkIndex::Location location,
                     std::shared_ptr<const format::Chunk> chunk);

  /// Samples of a tensor that has a reader, all in one request.
  std::vector<SampleReader::Result> read(std::size_t tensor, std::span<const std::int64_t> samples);

 private:
  struct Key {
    std::size_t tensor;
    std::uint32_t row;
    bool whole;
    auto operator<=>(const Key&) const = default;
  };
  using Cache = storage::ChunkCache<Key, format::Chunk>;

  /// A sample or a tile, by where it lies.
  FetchedSample read_range(std::size_t tensor, format::ChunkIndex::Location location,
                           std::shared_ptr<const format::Chunk> chunk, base::ByteRange range);
  FetchedSample fetch_tiles(std::size_t tensor, std::int64_t item, bool whole);
  FetchedSample read_tile(std::size_t tensor, std::uint32_t row, std::uint32_t number, const format::Tiling& tiling,
                          bool whole);

  storage::MeteredStore store_;
  const std::vector<TensorSource>& sources_;
  base::Stats& stats_;
  Cache cache_;
};

}  // namespace penstock::pipeline
