#pragma once

#include <cstddef>

namespace penstock::batch {

/// Where batch memory comes from. Injected: plain memory here, pinned memory from Python where a GPU is. Thread-safe.
class BufferAllocator {
 public:
  virtual ~BufferAllocator() = default;
  /// At least 64-byte aligned; throws std::bad_alloc.
  virtual std::byte* allocate(std::size_t bytes) = 0;
  virtual void release(std::byte* memory, std::size_t bytes) noexcept = 0;
};

class HeapAllocator final : public BufferAllocator {
 public:
  std::byte* allocate(std::size_t bytes) override;
  void release(std::byte* memory, std::size_t bytes) noexcept override;
};

}  // namespace penstock::batch
