#include "pipeline/batch_memory.h"

#include <algorithm>
#include <utility>

namespace penstock::pipeline {

using batch::SlabPool;
using batch::TensorBatch;

BatchMemory::BatchMemory(std::size_t tensors, const std::shared_ptr<batch::BufferAllocator>& allocator,
                         std::size_t most_kept, std::shared_ptr<base::MemoryBudget> budget)
    : keeps_slabs_(most_kept > 0), budget_(std::move(budget)) {
  for (std::size_t i = 0; i < tensors; ++i) pools_.emplace_back(allocator, most_kept, budget_);
}

void BatchMemory::keep_more(std::size_t most_kept) {
  if (!keeps_slabs_) return;
  for (SlabPool& pool : pools_) pool.keep_more(most_kept);
}

bool BatchMemory::take(std::span<TensorBatch> tensors, std::uint64_t turn, bool must) {
  if (!limited()) {
    fill(tensors, SlabPool::Size::kLargest);
    return true;
  }
  const std::lock_guard lock(mutex_);
  budget_->await();
  if (refused_ < turn && !must) return false;
  SlabPool::Size size = SlabPool::Size::kLargest;
  if (!budget_->has_room_for_batches(missing(tensors, size))) {
    // What is free and too small helps nobody. New slabs are no larger than they have to be.
    size = SlabPool::Size::kExact;
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      if (pools_[i].missing(tensors[i].bytes, size) > 0) pools_[i].drop_free();
    }
  }
  if (!budget_->has_room_for_batches(missing(tensors, size))) {
    for (SlabPool& pool : pools_) pool.drop_free();
  }
  const bool room = budget_->has_room_for_batches(missing(tensors, size));
  if (!room && !must) {
    refused_ = std::min(refused_, turn);
    return false;
  }
  fill(tensors, size);
  if (!room) exceeded_ = std::max<std::uint64_t>(exceeded_, budget_->over());
  if (refused_ == turn) refused_ = kNobody;
  return true;
}

void BatchMemory::leave(std::uint64_t turn) noexcept {
  {
    const std::lock_guard lock(mutex_);
    if (refused_ != turn) return;
    refused_ = kNobody;
  }
  budget_->tell();
}

std::size_t BatchMemory::missing(std::span<const TensorBatch> tensors, SlabPool::Size size) const {
  std::size_t total = 0;
  for (std::size_t i = 0; i < tensors.size(); ++i) total += pools_[i].missing(tensors[i].bytes, size);
  return total;
}

void BatchMemory::fill(std::span<TensorBatch> tensors, SlabPool::Size size) {
  for (std::size_t i = 0; i < tensors.size(); ++i) tensors[i].slab = pools_[i].take(tensors[i].bytes, size);
}

std::size_t BatchMemory::slabs_allocated() const {
  std::size_t total = 0;
  for (const SlabPool& pool : pools_) total += pool.allocated();
  return total;
}

}  // namespace penstock::pipeline
