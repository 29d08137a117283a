#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "base/bytes.h"
#include "base/memory_budget.h"
#include "batch/buffer.h"

namespace penstock::batch {

/// Memory of one tensor of one batch.
class Slab {
 public:
  /// Counts in `budget` for as long as it lives, where there is one.
  Slab(std::shared_ptr<BufferAllocator> allocator, std::size_t bytes,
       const std::shared_ptr<base::MemoryBudget>& budget = nullptr);
  ~Slab();
  Slab(const Slab&) = delete;
  Slab& operator=(const Slab&) = delete;

  std::byte* data() const { return data_; }
  std::size_t capacity() const { return capacity_; }

 private:
  std::shared_ptr<BufferAllocator> allocator_;
  std::size_t capacity_;
  std::byte* data_;
  base::MemoryBudget::Hold hold_;
};

/// Hands out slabs and takes them back when their last holder lets go, so that after the first batches no memory is
/// allocated, zeroed by the kernel, or pinned. Thread-safe; slabs may outlive the pool.
class SlabPool {
 public:
  /// Keeps at most `most_kept` free slabs. Slabs count in `budget`, free ones too, and who awaits memory there is told
  /// of each that comes back.
  SlabPool(std::shared_ptr<BufferAllocator> allocator, std::size_t most_kept,
           std::shared_ptr<base::MemoryBudget> budget = nullptr);

  /// From now on keeps so many free slabs at most, if that is more than before.
  void keep_more(std::size_t most_kept);

  /// How large a new slab is.
  enum class Size : std::uint8_t { kLargest, kExact };

  /// A slab of at least `bytes`, its content undefined. Where the allocator throws, the pool is as it was before.
  std::shared_ptr<Slab> take(std::size_t bytes, Size size = Size::kLargest);

  /// How many bytes take() would ask the allocator for: 0 where a free slab is large enough.
  std::size_t missing(std::size_t bytes, Size size) const;

  /// Frees the slabs that are not in use.
  void drop_free() noexcept;

  /// Slabs allocated since the start: it stops growing when reuse works.
  std::size_t allocated() const;

 private:
  /// Shared with the slabs that are out: one that comes back after the pool is gone just dies.
  struct State {
    std::mutex mutex;
    std::vector<std::unique_ptr<Slab>> free;
    std::size_t largest = 0;
    std::size_t allocated = 0;
    std::size_t most_kept = 0;
    std::shared_ptr<base::MemoryBudget> budget;

    /// The last free slab that is large enough, or the end.
    std::vector<std::unique_ptr<Slab>>::iterator find(std::size_t bytes);
    /// Of a new slab.
    std::size_t capacity(std::size_t bytes, Size size) const;
  };

  /// A free slab, one that is large enough where there is such.
  std::unique_ptr<Slab> take_free(std::size_t bytes);
  /// A slab for `bytes` in place of one that is too small, if there was one.
  std::unique_ptr<Slab> renew(std::unique_ptr<Slab> small, std::size_t bytes, Size size);
  static void give_back(const std::weak_ptr<State>& state, std::unique_ptr<Slab> slab);

  std::shared_ptr<BufferAllocator> allocator_;
  std::shared_ptr<State> state_;
};

}  // namespace penstock::batch
