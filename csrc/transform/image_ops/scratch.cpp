#include "transform/image_ops/scratch.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <vector>

namespace penstock::transform {
namespace {

constexpr std::align_val_t kAlignment{64};

/// The blocks that a thread has and does not use.
class FreeBlocks {
 public:
  FreeBlocks() { blocks_.reserve(kMost); }
  ~FreeBlocks() {
    for (const Scratch::Block& block : blocks_) ::operator delete(block.data, kAlignment);
  }
  FreeBlocks(const FreeBlocks&) = delete;
  FreeBlocks& operator=(const FreeBlocks&) = delete;

  /// The smallest that is large enough; else a new one, in place of the largest where there are many.
  Scratch::Block take(std::size_t bytes) {
    auto best = blocks_.end();
    for (auto block = blocks_.begin(); block != blocks_.end(); ++block) {
      if (block->bytes >= bytes && (best == blocks_.end() || block->bytes < best->bytes)) best = block;
    }
    if (best != blocks_.end()) {
      const Scratch::Block found = *best;
      *best = blocks_.back();
      blocks_.pop_back();
      return found;
    }
    // Zeros, so that what vectors read beyond the end is the same number each time.
    auto* data = static_cast<std::byte*>(::operator new(bytes, kAlignment));
    std::memset(data, 0, bytes);
    return {data, bytes};
  }

  void give(const Scratch::Block& block) noexcept {
    if (blocks_.size() == kMost) {
      // The smallest goes: it is the cheapest to make again.
      auto smallest = std::min_element(blocks_.begin(), blocks_.end(),
                                       [](const auto& a, const auto& b) { return a.bytes < b.bytes; });
      ::operator delete(smallest->data, kAlignment);
      *smallest = block;
    } else {
      blocks_.push_back(block);
    }
  }

 private:
  static constexpr std::size_t kMost = 24;
  std::vector<Scratch::Block> blocks_;
};

FreeBlocks& free_blocks() {
  thread_local FreeBlocks blocks;
  return blocks;
}

}  // namespace

Scratch::Scratch(std::size_t bytes) : block_(free_blocks().take((bytes + kOverrun + 4095) / 4096 * 4096)) {}

Scratch::~Scratch() {
  if (block_.data != nullptr) free_blocks().give(block_);
}

}  // namespace penstock::transform
