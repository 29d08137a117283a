#include "batch/slab_pool.h"

#include <algorithm>
#include <utility>

namespace penstock::batch {

Slab::Slab(std::shared_ptr<BufferAllocator> allocator, std::size_t bytes)
    : allocator_(std::move(allocator)), capacity_(bytes), data_(allocator_->allocate(bytes)) {}

Slab::~Slab() { allocator_->release(data_, capacity_); }

SlabPool::SlabPool(std::shared_ptr<BufferAllocator> allocator, std::size_t most_kept)
    : allocator_(std::move(allocator)), state_(std::make_shared<State>()) {
  state_->most_kept = most_kept;
  state_->free.reserve(most_kept);  // giving back must not fail
}

std::shared_ptr<Slab> SlabPool::take(std::size_t bytes) {
  std::unique_ptr<Slab> slab = take_free();
  if (slab == nullptr || slab->capacity() < bytes) slab = renew(std::move(slab), bytes);
  const std::weak_ptr<State> state = state_;
  return {slab.release(), [state](Slab* raw) { give_back(state, std::unique_ptr<Slab>(raw)); }};
}

std::unique_ptr<Slab> SlabPool::take_free() {
  const std::lock_guard lock(state_->mutex);
  if (state_->free.empty()) return nullptr;
  std::unique_ptr<Slab> slab = std::move(state_->free.back());
  state_->free.pop_back();
  return slab;
}

std::unique_ptr<Slab> SlabPool::renew(std::unique_ptr<Slab> small, std::size_t bytes) {
  std::size_t capacity = std::max<std::size_t>(bytes, 1);
  {
    // Every new slab is as large as the largest batch so far: batches of unequal sizes then share one kind of slab
    // instead of leaving a trail of small ones.
    const std::lock_guard lock(state_->mutex);
    capacity = std::max(capacity, state_->largest);
  }
  std::unique_ptr<Slab> slab;
  try {
    slab = std::make_unique<Slab>(allocator_, capacity);
  } catch (...) {
    // What could not be had is not asked for again, and what was there is still there.
    if (small != nullptr) give_back(state_, std::move(small));
    throw;
  }
  const std::lock_guard lock(state_->mutex);
  state_->largest = std::max(state_->largest, capacity);
  ++state_->allocated;
  return slab;
}

std::size_t SlabPool::allocated() const {
  const std::lock_guard lock(state_->mutex);
  return state_->allocated;
}

void SlabPool::give_back(const std::weak_ptr<State>& weak_state, std::unique_ptr<Slab> slab) {
  const std::shared_ptr<State> state = weak_state.lock();
  if (state == nullptr) return;
  const std::lock_guard lock(state->mutex);
  if (state->free.size() < state->most_kept) state->free.push_back(std::move(slab));
}

}  // namespace penstock::batch
