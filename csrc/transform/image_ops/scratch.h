#pragma once

#include <cstddef>
#include <memory>
#include <utility>

namespace penstock::transform {

/// Memory on loan from the thread, which keeps it for its next image; aligned to 64 bytes, content undefined. Vectors
/// may read and write up to kOverrun bytes beyond what was asked for.
class Scratch {
 public:
  static constexpr std::size_t kOverrun = 512;

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

  struct Block {
    std::byte* data = nullptr;
    std::size_t bytes = 0;
  };

 private:
  Block block_;
};

}  // namespace penstock::transform
