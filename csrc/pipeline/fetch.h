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

/// Reads samples through the chunk cache. Thread-safe.
class Fetcher {
 public:
  Fetcher(storage::Store& store, const std::vector<TensorSource>& sources, std::uint64_t cache_bytes,
          base::Stats& stats);

  /// `whole` says whether the chunk is worth keeping (see ReadPlan). Errors name tensor, sample and chunk.
  FetchedSample fetch(std::size_t tensor, std::int64_t sample, bool whole);

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

  std::shared_ptr<const format::Chunk> open(const Key& key);

  storage::MeteredStore store_;
  const std::vector<TensorSource>& sources_;
  base::Stats& stats_;
  Cache cache_;
};

}  // namespace penstock::pipeline
