#pragma once

#include <cstddef>
#include <memory>
#include <utility>

namespace penstock::transform {

/// Memory on loan from the thread, which keeps up to kMostKept bytes of it for its next images; aligned to 64 bytes,
/// content undefined. Vectors may read and write up to kOverrun bytes beyond what was asked for.
class Scratch {
 public:
  static constexpr std::size_t kOverrun = 512;
  /// Enough for the whole-image steps of photographs. A larger image pays for its memory anew each time, which costs
  /// little beside its pixels, and a single one does not stay in memory for as long as the program runs.
  static constexpr std::size_t kMostKept = std::size_t{64} << 20;

  Scratch() = default;
  explicit Scratch(std::size_t bytes);
  ~Scratch();
  Scratch(Scratch&& other) noexcept : block_(std::exchange(other.block_, {})) {}
  Scratch& operator=(Scratch&& other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }

  template <class T>
  T* as() const {
    return reinterpret_cast<T*>(block_.data);
  }

  /// Bytes that the calling thread has and does not use.
  static std::size_t kept_by_thread();

  struct Block {
    std::byte* data = nullptr;
    std::size_t bytes = 0;
  };

 private:
  Block block_;
};

}  // namespace penstock::transform
