#include "support/failing_new.h"

#include <atomic>
#include <cstdlib>
#include <new>

#include "base/thread_pool.h"

namespace penstock::test {
namespace {

std::atomic<bool> armed{false};
std::atomic<bool> on_pool{false};
std::atomic<bool> all_that_follow{false};
std::atomic<std::size_t> allocations{0};
std::atomic<std::size_t> failing{0};
thread_local bool is_consumer = false;

bool fails() {
  if (!armed || !(on_pool ? base::ThreadPool::on_pool_thread() : is_consumer)) return false;
  const std::size_t number = ++allocations;
  return number == failing || (all_that_follow && number > failing);
}

void* allocate(std::size_t bytes, std::size_t alignment) {
  if (fails()) throw std::bad_alloc();
  // aligned_alloc takes whole multiples of the alignment alone.
  const std::size_t size = (bytes == 0 ? 1 : bytes) + alignment - 1;
  void* memory = std::aligned_alloc(alignment, size / alignment * alignment);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

FailingNew::FailingNew(Threads threads, std::size_t number, bool for_good) {
  allocations = 0;
  failing = number;
  all_that_follow = for_good;
  on_pool = threads == Threads::kPool;
  armed = true;
}
FailingNew::~FailingNew() { armed = false; }

bool FailingNew::reached() const { return allocations >= failing; }

FailingNew::Here::Here() { is_consumer = true; }
FailingNew::Here::~Here() { is_consumer = false; }

}  // namespace penstock::test

void* operator new(std::size_t bytes) { return penstock::test::allocate(bytes, __STDCPP_DEFAULT_NEW_ALIGNMENT__); }
void* operator new[](std::size_t bytes) { return penstock::test::allocate(bytes, __STDCPP_DEFAULT_NEW_ALIGNMENT__); }
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  return penstock::test::allocate(bytes, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t bytes, std::align_val_t alignment) {
  return penstock::test::allocate(bytes, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
