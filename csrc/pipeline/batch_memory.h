#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "base/memory_budget.h"
#include "batch/batch.h"
#include "batch/buffer.h"
#include "batch/slab_pool.h"

namespace penstock::pipeline {

/// The memory of a loader's batches: a pool of slabs for each of a batch's tensors, within the loader's budget.
/// Thread-safe.
class BatchMemory {
 public:
  /// Keeps at most `most_kept` free slabs of each tensor.
  BatchMemory(std::size_t tensors, const std::shared_ptr<batch::BufferAllocator>& allocator, std::size_t most_kept,
              std::shared_ptr<base::MemoryBudget> budget);

  bool limited() const { return budget_->limited(); }
  /// Whether slabs live for as long as somebody uses their memory; else an allocator keeps that, and the slabs die
  /// before.
  bool knows_what_is_in_use() const { return keeps_slabs_; }

  /// Gives a batch's tensors their slabs. False where the budget has no room for them, though what is free was let go
  /// of, or where an epoch of an earlier `turn` was refused and has not asked again: who asks has then to ask again
  /// when the budget tells of memory. What `must` be had is had, beyond the budget if need be. Throws where the
  /// allocator does.
  bool take(std::span<batch::TensorBatch> tensors, std::uint64_t turn, bool must);

  /// The epoch of this turn will not ask again.
  void leave(std::uint64_t turn) noexcept;

  /// From now on keeps `most_kept` free slabs of each tensor at most, if that is more than before, and if it keeps any.
  void keep_more(std::size_t most_kept);

  /// Slabs allocated so far, over all tensors.
  std::size_t slabs_allocated() const;
  /// By how much the budget was exceeded, at most, by a batch that had to be had.
  std::uint64_t exceeded() const { return exceeded_; }

 private:
  static constexpr std::uint64_t kNobody = std::numeric_limits<std::uint64_t>::max();

  std::size_t missing(std::span<const batch::TensorBatch> tensors, batch::SlabPool::Size size) const;
  void fill(std::span<batch::TensorBatch> tensors, batch::SlabPool::Size size);

  const bool keeps_slabs_;
  std::shared_ptr<base::MemoryBudget> budget_;
  std::vector<batch::SlabPool> pools_;  ///< by tensor
  mutable std::mutex mutex_;
  std::uint64_t refused_ = kNobody;  ///< the earliest turn that was refused
  std::atomic<std::uint64_t> exceeded_{0};
};

}  // namespace penstock::pipeline
