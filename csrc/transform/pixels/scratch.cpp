#include "transform/pixels/scratch.h"

#include <cstring>
#include <new>
#include <vector>

namespace penstock::transform {
namespace {

constexpr std::align_val_t kAlignment{64};

/// The blocks that a thread has and does not use: no more than Scratch::kMostKept bytes, those used last.
class FreeBlocks {
 public:
  FreeBlocks() { blocks_.reserve(kMostBlocks + 1); }
  ~FreeBlocks() {
    for (const Scratch::Block& block : blocks_) ::operator delete(block.data, kAlignment);
  }
  FreeBlocks(const FreeBlocks&) = delete;
  FreeBlocks& operator=(const FreeBlocks&) = delete;

  /// The smallest that is large enough; else a new one.
  Scratch::Block take(std::size_t bytes) {
    auto best = blocks_.end();
    for (auto block = blocks_.begin(); block != blocks_.end(); ++block) {
      if (block->bytes >= bytes && (best == blocks_.end() || block->bytes < best->bytes)) best = block;
    }
    if (best != blocks_.end()) {
      const Scratch::Block found = *best;
      blocks_.erase(best);
      kept_ -= found.bytes;
      return found;
    }
    // Zeros, so that what vectors read beyond the end is the same number each time.
    auto* data = static_cast<std::byte*>(::operator new(bytes, kAlignment));
    std::memset(data, 0, bytes);
    return {data, bytes};
  }

  void give(const Scratch::Block& block) noexcept {
    if (block.bytes > Scratch::kMostKept) {  // nor does it push the others out
      ::operator delete(block.data, kAlignment);
      return;
    }
    blocks_.push_back(block);
    kept_ += block.bytes;
    while (kept_ > Scratch::kMostKept || blocks_.size() > kMostBlocks) {
      ::operator delete(blocks_.front().data, kAlignment);
      kept_ -= blocks_.front().bytes;
      blocks_.erase(blocks_.begin());
    }
  }

  std::size_t kept() const { return kept_; }

 private:
  static constexpr std::size_t kMostBlocks = 24;
  std::vector<Scratch::Block> blocks_;  // used longest ago first
  std::size_t kept_ = 0;
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

std::size_t Scratch::kept_by_thread() { return free_blocks().kept(); }

}  // namespace penstock::transform
