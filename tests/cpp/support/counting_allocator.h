#pragma once

#include <atomic>
#include <cstddef>
#include <new>

#include "batch/buffer.h"

namespace penstock::test {

/// Plain memory, counted, that fails on demand.
class CountingAllocator final : public batch::BufferAllocator {
 public:
  std::byte* allocate(std::size_t bytes) override {
    if (fail_next_.exchange(false)) throw std::bad_alloc();
    ++live_;
    ++total_;
    return heap_.allocate(bytes);
  }
  void release(std::byte* memory, std::size_t bytes) noexcept override {
    --live_;
    heap_.release(memory, bytes);
  }

  void fail_next() { fail_next_ = true; }
  std::size_t live() const { return live_; }
  std::size_t total() const { return total_; }

 private:
  batch::HeapAllocator heap_;
  std::atomic<std::size_t> live_{0};
  std::atomic<std::size_t> total_{0};
  std::atomic<bool> fail_next_{false};
};

}  // namespace penstock::test
