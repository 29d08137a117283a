#include "batch/slab_pool.h"

#include <algorithm>
#include <utility>

namespace penstock::batch {

Slab::Slab(std::shared_ptr<BufferAllocator> allocator, std::size_t bytes,
           const std::shared_ptr<base::MemoryBudget>& budget)
    : allocator_(std::move(allocator)),
      capacity_(bytes),
      data_(allocator_->allocate(bytes)),
      hold_(budget, base::MemoryBudget::Use::kBatches, bytes) {}

Slab::~Slab() { allocator_->release(data_, capacity_); }

SlabPool::SlabPool(std::shared_ptr<BufferAllocator> allocator, std::size_t most_kept,
                   std::shared_ptr<base::MemoryBudget> budget)
    : allocator_(std::move(allocator)), state_(std::make_shared<State>()) {
  state_->budget = std::move(budget);
  keep_more(most_kept);
}

void SlabPool::keep_more(std::size_t most_kept) {
  const std::lock_guard lock(state_->mutex);
  state_->free.reserve(most_kept);  // giving back must not fail
  state_->most_kept = std::max(state_->most_kept, most_kept);
}

std::vector<std::unique_ptr<Slab>>::iterator SlabPool::State::find(std::size_t bytes) {
  const auto fits = [bytes](const std::unique_ptr<Slab>& slab) { return slab->capacity() >= bytes; };
  const auto found = std::find_if(free.rbegin(), free.rend(), fits);
  return found == free.rend() ? free.end() : found.base() - 1;
}

std::size_t SlabPool::State::capacity(std::size_t bytes, Size size) const {
  // Every new slab is as large as the largest batch so far: batches of unequal sizes then share one kind of slab
  // instead of leaving a trail of small ones.
  return std::max<std::size_t>({bytes, 1, size == Size::kLargest ? largest : 0});
}

std::shared_ptr<Slab> SlabPool::take(std::size_t bytes, Size size) {
  std::unique_ptr<Slab> slab = take_free(bytes);
  if (slab == nullptr || slab->capacity() < bytes) slab = renew(std::move(slab), bytes, size);
  const std::weak_ptr<State> state = state_;
  return {slab.release(), [state](Slab* raw) { give_back(state, std::unique_ptr<Slab>(raw)); }};
}

std::unique_ptr<Slab> SlabPool::take_free(std::size_t bytes) {
  const std::lock_guard lock(state_->mutex);
  if (state_->free.empty()) return nullptr;
  auto chosen = state_->find(bytes);
  if (chosen == state_->free.end()) --chosen;
  std::unique_ptr<Slab> slab = std::move(*chosen);
  state_->free.erase(chosen);
  return slab;
}

std::size_t SlabPool::missing(std::size_t bytes, Size size) const {
  const std::lock_guard lock(state_->mutex);
  return state_->find(bytes) != state_->free.end() ? 0 : state_->capacity(bytes, size);
}

void SlabPool::drop_free() noexcept {
  for (;;) {
    std::unique_ptr<Slab> dropped;  // freed outside the lock
    const std::lock_guard lock(state_->mutex);
    if (state_->free.empty()) return;
    dropped = std::move(state_->free.back());
    state_->free.pop_back();
  }
}

std::unique_ptr<Slab> SlabPool::renew(std::unique_ptr<Slab> small, std::size_t bytes, Size size) {
  std::size_t capacity = 0;
  {
    const std::lock_guard lock(state_->mutex);
    capacity = state_->capacity(bytes, size);
  }
  std::unique_ptr<Slab> slab;
  try {
    slab = std::make_unique<Slab>(allocator_, capacity, state_->budget);
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
  {
    const std::lock_guard lock(state->mutex);
    if (state->free.size() >= state->most_kept) return;
    state->free.push_back(std::move(slab));
  }
  if (state->budget != nullptr) state->budget->tell();
}

}  // namespace penstock::batch
