#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/stats.h"
#include "format/chunk.h"
#include "pipeline/tensor_source.h"
#include "storage/chunk_cache.h"
#include "storage/metered_store.h"
#include "storage/store.h"

namespace penstock::pipeline {

/// An item as it is stored, with what keeps its bytes alive. One that comes out as bytes is decompressed already: its
/// shape is known only then.
struct FetchedSample {
  base::Bytes stored;  ///< nothing, where the item is in tiles
  base::Shape shape;
  std::shared_ptr<const void> owner = nullptr;
  /// The tiles of an item that is in tiles, each of the shape of its place, and how it is cut; lives as long as the
  /// fetcher's sources.
  std::vector<FetchedSample> tiles = {};
  const format::Tiling* tiling = nullptr;
  std::string chunk = {};  ///< of a tile: its chunk, for error messages
};

/// Reads items (samples, or the items of sequences) through the chunk cache. Thread-safe.
class Fetcher {
 public:
  Fetcher(storage::Store& store, const std::vector<TensorSource>& sources, std::uint64_t cache_bytes,
          base::Stats& stats);

  /// `whole` says whether the chunk is worth keeping (see ReadPlan). Errors name tensor, chunk and sample; of an item
  /// of a sequence, the sequence is the caller's to name.
  FetchedSample fetch(std::size_t tensor, std::int64_t item, bool whole);

  /// The two halves of fetch(), for whoever reads all samples of a chunk: the chunk, and one of its samples. Errors of
  /// theirs have no place yet.
  std::shared_ptr<const format::Chunk> open(std::size_t tensor, std::uint32_t row, bool whole);
  FetchedSample read(std::size_t tensor, format::ChunkIndex::Place place, std::shared_ptr<const format::Chunk> chunk);

 private:
  struct Key {
    std::size_t tensor;
    std::uint32_t row;
    bool whole;
    auto operator<=>(const Key&) const = default;
  };
  using Cache = storage::ChunkCache<Key, format::Chunk>;

  /// A sample or a tile, by where it lies.
  FetchedSample read_extent(std::size_t tensor, format::ChunkIndex::Place place,
                            std::shared_ptr<const format::Chunk> chunk, format::Extent extent);
  FetchedSample fetch_tiles(std::size_t tensor, std::int64_t item, bool whole);
  FetchedSample read_tile(std::size_t tensor, std::uint32_t row, std::uint32_t number, const format::Tiling& tiling,
                          bool whole);

  storage::MeteredStore store_;
  const std::vector<TensorSource>& sources_;
  base::Stats& stats_;
  Cache cache_;
};

}  // namespace penstock::pipeline
