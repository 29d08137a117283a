#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/answer.h"
#include "base/bytes.h"
#include "base/memory_budget.h"
#include "base/stats.h"
#include "base/thread_pool.h"
#include "format/chunk.h"
#include "pipeline/fetched_sample.h"
#include "pipeline/sample_reader.h"
#include "pipeline/tensor_source.h"
#include "storage/chunk_cache.h"
#include "storage/store.h"

namespace penstock::pipeline {

/// What was fetched of some items, in their order: each of them, or why it could not be.
using FetchedSamples = std::vector<base::Result<FetchedSample>>;

/// Gets items (samples, or the items of sequences) by way of the chunk cache. Storage delivers bytes; what is made of
/// them is made on the threads that decode, before what waits there: batches wait for it. Answers come on one of these
/// threads, or at once where the chunk is in the cache. Thread-safe.
class Fetcher {
 public:
  using ChunkPointer = std::shared_ptr<const format::Chunk>;
  using Opened = std::function<void(base::Result<ChunkPointer>)>;

  /// What it refers to outlives its requests. Chunks and samples count in `budget` for as long as somebody has them.
  Fetcher(storage::Store& store, const std::vector<TensorSource>& sources, std::uint64_t cache_bytes,
          base::ThreadPool& threads, base::Stats& stats,
          std::shared_ptr<base::MemoryBudget> budget = std::make_shared<base::MemoryBudget>());

  /// A chunk; `whole` says whether with all its bytes or its header alone (see ReadSchedule). Errors have no place yet.
  /// Here as below, what is no longer `wanted` when its turn comes is not asked of storage, and fails with kClosed.
  void open(std::size_t tensor, std::uint32_t row, bool whole, Opened opened, storage::Wanted wanted = {}) noexcept;

  /// Samples of a chunk that is open. Of one that was not read whole, ranges that lie close together are asked for
  /// together. Errors have no place yet.
  void read(std::size_t tensor, std::uint32_t row, const ChunkPointer& chunk,
            const std::vector<std::uint64_t>& local_indices, const base::Answer<FetchedSamples>& answer,
            storage::Wanted wanted = {}) noexcept;

  /// An item that is in tiles. Errors name their tile's chunk.
  void fetch_tiles(std::size_t tensor, std::int64_t item, bool whole, const base::Answer<FetchedSample>& answer,
                   storage::Wanted wanted = {}) noexcept;

  /// A sample of a chunk that is open. Waits for storage where the chunk was not read whole.
  FetchedSample read_now(std::size_t tensor, std::uint32_t row, std::uint64_t local_index, const ChunkPointer& chunk);

  /// Samples of a tensor that has a reader, all in one request. Waits for it.
  std::vector<SampleReader::Result> read_now(std::size_t tensor, std::span<const std::int64_t> samples);

  /// Where chunks would take more than their share with so many bytes more, the cache lets go of some that nobody
  /// holds.
  void make_room(std::uint64_t bytes) noexcept {
    if (const std::uint64_t over = budget_->chunks_over(bytes)) cache_.make_room(over);
  }

  /// Lets go of a chunk that was read whole and will not be used soon.
  void forget(std::size_t tensor, std::uint32_t row) noexcept { cache_.forget({tensor, row, true}); }

 private:
  struct Key {
    std::size_t tensor;
    std::uint32_t row;
    bool whole;
    auto operator<=>(const Key&) const = default;
  };
  using Cache = storage::ChunkCache<Key, format::Chunk>;
  using Landing = base::Answer<Cache::Loaded>;
  struct Piece;
  struct RangedRead;
  struct TileRead;

  /// Gives what `make` returns or throws, on one of the threads.
  template <class T, class Make>
  void make_on_thread(const base::Answer<T>& answer, Make make) noexcept;

  /// Lets `sample` own its bytes.
  void own(FetchedSample& sample, base::OwnedBytes bytes) const;
  void make_bytes(FetchedSample& sample, format::Compression compression) const;
  format::TensorFormat format_of(const Key& key) const;
  Cache::Loaded loaded(ChunkPointer chunk, bool whole);
  void load_whole(const Key& key, const Landing& landing, const storage::Wanted& wanted);
  void load_header(const Key& key, const Landing& landing, const storage::Wanted& wanted);
  void continue_header(const Key& key, const std::shared_ptr<std::vector<std::byte>>& beginning, std::uint64_t bytes,
                       const Landing& landing, const storage::Wanted& wanted);

  void read_pieces(std::size_t tensor, std::uint32_t row, const ChunkPointer& chunk, std::vector<Piece> pieces,
                   const base::Answer<FetchedSamples>& answer, storage::Wanted wanted);
  void read_ranges(const std::shared_ptr<RangedRead>& read);
  FetchedSamples finish_ranges(RangedRead& read);
  FetchedSample of_whole(std::size_t tensor, const ChunkPointer& chunk, Piece& piece);
  FetchedSample finished(std::size_t tensor, FetchedSample sample, const Piece& piece) const;
  void read_tile(const std::shared_ptr<TileRead>& read, std::uint32_t number, const base::Result<ChunkPointer>& opened);

  storage::Store& store_;
  const std::vector<TensorSource>& sources_;
  base::ThreadPool& threads_;
  base::Stats& stats_;
  std::shared_ptr<base::MemoryBudget> budget_;
  Cache cache_;
};

}  // namespace penstock::pipeline
