#include "batch/buffer.h"

#include <new>

namespace penstock::batch {
namespace {

constexpr std::align_val_t kAlignment{64};

}  // namespace

std::byte* HeapAllocator::allocate(std::size_t bytes) {
  return static_cast<std::byte*>(::operator new(bytes, kAlignment));
}

void HeapAllocator::release(std::byte* memory, std::size_t /*bytes*/) noexcept {
  ::operator delete(memory, kAlignment);
}

}  // namespace penstock::batch
