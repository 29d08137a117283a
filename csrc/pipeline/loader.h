#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/memory_budget.h"
#include "base/stats.h"
#include "base/thread_pool.h"
#include "batch/batch.h"
#include "batch/buffer.h"
#include "pipeline/batch_memory.h"
#include "pipeline/detection_recipe.h"
#include "pipeline/fetch.h"
#include "pipeline/kept_images.h"
#include "pipeline/order.h"
#include "pipeline/read_schedule.h"
#include "pipeline/recipe.h"
#include "pipeline/resources.h"
#include "pipeline/tensor_source.h"
#include "storage/counting_store.h"
#include "storage/disk_cache/disk_cache.h"
#include "storage/store.h"

namespace penstock::pipeline {

class Epoch;

struct LoaderOptions {
  unsigned threads = 2;         ///< decode
  unsigned reader_threads = 2;  ///< wait for samples of tensors that have a reader
  unsigned prefetch = 2;        ///< batches under way or ready, beside the one the consumer has; at least
  /// Where batches are so small that these hold less: so many samples are under way, beside those of one batch. For
  /// threads to be busy while one of them is at the last sample of the batch whose turn it is.
  unsigned prefetch_samples = 0;
  std::uint64_t cache_bytes = std::uint64_t{256} << 20;
  std::uint64_t image_bytes = std::uint64_t{256} << 20;  ///< of decoded images that several samples need
  /// Of storage, as stored, that are asked for ahead of the batches that `prefetch` counts.
  std::uint64_t read_ahead_bytes = std::uint64_t{128} << 20;
  /// Where coefficients of images are kept from one epoch to the next, which no budget of these counts: in memory, up
  /// to so many bytes, or in a folder.
  struct Kept {
    std::uint64_t memory_bytes = 0;
    std::shared_ptr<storage::DiskCache> folder = nullptr;
    std::vector<std::string> roots = {};  ///< see KeptInFiles
  };
  std::optional<Kept> kept = std::nullopt;
  bool keep_slabs = true;  ///< reuse batch memory; off where the allocator does so itself
  /// Bytes that the loader may hold in all: batches under way, ready, handed out and alive, free slabs, and chunks,
  /// which get at most a quarter of it for the cache and those that are held, an eighth for what is read ahead, and an
  /// eighth for images that several samples need.
  std::uint64_t memory_limit = base::MemoryBudget::kUnlimited;
};

/// Reads, decodes and batches samples of one dataset. Owns the store, the threads, the chunk cache and the batch memory
/// for as long as it lives; epochs come and go. Thread-safe.
class Loader {
 public:
  Loader(std::shared_ptr<storage::Store> store, std::vector<TensorSource> sources, LoaderOptions options,
         std::shared_ptr<batch::BufferAllocator> allocator, std::optional<DetectionSpec> detection = std::nullopt);
  ~Loader();
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  /// Starts loading the samples `order`, cut into batches at `batch_ends` (exclusive, rising, the last one is
  /// the order's length). Every index is below the length of each tensor. The epoch must not outlive the loader.
  /// `before`: an epoch of this loader that is under way. The new one follows it: its work waits for that one's, until
  /// somebody wants its batches. It may be left without harm.
  std::shared_ptr<Epoch> start(Order order, std::vector<std::size_t> batch_ends, Randomness random = {},
                               const std::shared_ptr<Epoch>& before = nullptr);

  /// Ends all epochs and drops queued work. Idempotent.
  void begin_stop() noexcept;
  /// begin_stop(), then joins the threads. False where some still run at the deadline. Idempotent.
  bool stop(base::Deadline deadline = base::Deadline::max()) noexcept;
  /// begin_stop(), then leaves the threads to themselves; `owner` holds this loader.
  void abandon(const std::shared_ptr<const void>& owner) noexcept;

  const base::Stats& stats() const { return stats_; }
  /// What its storage counts.
  std::vector<storage::Count> storage_counts() const { return store_.counts(); }
  const std::vector<TensorSource>& sources() const { return sources_; }
  /// Slabs allocated so far, over all tensors.
  std::size_t slabs_allocated() const { return memory_.slabs_allocated(); }
  const base::MemoryBudget& budget() const { return *budget_; }
  /// By how many bytes memory_limit was exceeded, at most, for a batch that was waited for.
  std::uint64_t limit_exceeded() const { return memory_.exceeded(); }

 private:
  const ChunkSizes& chunk_sizes();
  /// On a decoding thread, when memory has come free that somebody waits for.
  void use_free_memory() noexcept;

  std::vector<TensorSource> sources_;
  LoaderOptions options_;
  base::Stats stats_;
  storage::CountingStore store_;
  std::shared_ptr<base::MemoryBudget> budget_;
  Fetcher fetcher_;
  std::unique_ptr<KeptImages> kept_;
  std::unique_ptr<const Recipe> recipe_;
  BatchMemory memory_;
  std::once_flag sizes_once_;
  std::optional<ChunkSizes> sizes_;
  std::mutex mutex_;
  bool stopped_ = false;
  std::uint64_t epochs_started_ = 0;
  std::vector<std::weak_ptr<Epoch>> epochs_;  // as they were started
  const Resources resources_;                 // refers to what is around it
  // Last: threads stop before anything that they use goes.
  base::ThreadPool reader_threads_;
  base::ThreadPool decode_threads_;
};

}  // namespace penstock::pipeline
