#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "base/stats.h"
#include "base/thread_pool.h"
#include "batch/batch.h"
#include "batch/buffer.h"
#include "batch/slab_pool.h"
#include "pipeline/detection_recipe.h"
#include "pipeline/fetch.h"
#include "pipeline/order.h"
#include "pipeline/read_schedule.h"
#include "pipeline/recipe.h"
#include "pipeline/resources.h"
#include "pipeline/tensor_source.h"
#include "storage/counting_store.h"
#include "storage/store.h"

namespace penstock::pipeline {

class Epoch;

struct LoaderOptions {
  unsigned threads = 2;         ///< decode
  unsigned reader_threads = 2;  ///< wait for samples of tensors that have a reader
  unsigned prefetch = 2;        ///< batches under way or ready, beside the one the consumer has
  std::uint64_t cache_bytes = std::uint64_t{256} << 20;
  /// Of storage, as stored, that are asked for ahead of the batches that `prefetch` counts.
  std::uint64_t read_ahead_bytes = std::uint64_t{128} << 20;
  bool keep_slabs = true;  ///< reuse batch memory; off where the allocator does so itself
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
  std::shared_ptr<Epoch> start(Order order, std::vector<std::size_t> batch_ends, Randomness random = {});

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
  std::size_t slabs_allocated() const;

 private:
  /// What an epoch reads when. Storage is asked for sizes that it has not told, once, where that may spare reading
  /// chunks again and again.
  ReadSchedule schedule(const Order& order, const std::vector<std::size_t>& batch_ends);

  std::vector<TensorSource> sources_;
  LoaderOptions options_;
  base::Stats stats_;
  storage::CountingStore store_;
  Fetcher fetcher_;
  std::unique_ptr<const Recipe> recipe_;
  std::vector<batch::SlabPool> slabs_;  // by tensor of a batch
  std::mutex sizes_mutex_;
  std::optional<ChunkSizes> sizes_;
  std::mutex mutex_;
  bool stopped_ = false;
  std::vector<std::weak_ptr<Epoch>> epochs_;
  const Resources resources_;  // refers to what is around it
  // Last: threads stop before anything that they use goes.
  base::ThreadPool reader_threads_;
  base::ThreadPool decode_threads_;
};

}  // namespace penstock::pipeline
