#pragma once

#include <pybind11/pybind11.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <new>
#include <unordered_map>
#include <utility>

#include "batch/buffer.h"
#include "bindings/python_reference.h"

namespace penstock::bindings {

/// Batch memory that Python allocates, which is how pinned memory comes in without linking CUDA. `allocate(n)` returns
/// the address of n bytes and the object that holds them.
class PythonAllocator final : public batch::BufferAllocator {
 public:
  explicit PythonAllocator(pybind11::object allocate) : allocate_(std::move(allocate)) {}

  std::byte* allocate(std::size_t bytes) override {
    const GilAcquire gil;
    try {
      const auto result =
          call_python(allocate_.get(), pybind11::make_tuple(bytes)).cast<std::pair<std::uintptr_t, pybind11::object>>();
      auto* memory = reinterpret_cast<std::byte*>(result.first);
      const std::lock_guard lock(mutex_);
      owners_.emplace(memory, std::make_unique<PythonReference>(result.second));
      return memory;
    } catch (const pybind11::error_already_set&) {
      throw std::bad_alloc();
    } catch (const pybind11::cast_error&) {
      throw std::bad_alloc();  // no address and owner
    }
  }

  /// The object that holds `memory`. The GIL is held.
  pybind11::object owner_of(std::byte* memory) {
    const std::lock_guard lock(mutex_);
    return owners_.at(memory)->get();
  }

  void release(std::byte* memory, std::size_t /*bytes*/) noexcept override {
    std::unique_ptr<PythonReference> owner;  // dies last, outside the lock
    const std::lock_guard lock(mutex_);
    if (const auto found = owners_.find(memory); found != owners_.end()) {
      owner = std::move(found->second);
      owners_.erase(found);
    }
  }

 private:
  PythonReference allocate_;
  std::mutex mutex_;
  std::unordered_map<std::byte*, std::unique_ptr<PythonReference>> owners_;
};

}  // namespace penstock::bindings
