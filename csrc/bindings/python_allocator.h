#pragma once

#include <pybind11/pybind11.h>

#include <cstddef>
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
    const pybind11::gil_scoped_acquire gil;
    try {
      const auto result = allocate_.get()(bytes).cast<std::pair<std::uintptr_t, pybind11::object>>();
      auto* memory = reinterpret_cast<std::byte*>(result.first);
      const std::lock_guard lock(mutex_);
      owners_.emplace(memory, result.second);
      return memory;
    } catch (pybind11::error_already_set&) {
      throw std::bad_alloc();
    }
  }

  /// The object that holds `memory`. The GIL is held.
  pybind11::object owner_of(std::byte* memory) {
    const std::lock_guard lock(mutex_);
    return owners_.at(memory);
  }

  void release(std::byte* memory, std::size_t /*bytes*/) noexcept override {
    if (!Py_IsInitialized()) return;
    const pybind11::gil_scoped_acquire gil;
    pybind11::object owner;  // dies last, outside the lock
    const std::lock_guard lock(mutex_);
    if (const auto found = owners_.find(memory); found != owners_.end()) {
      owner = std::move(found->second);
      owners_.erase(found);
    }
  }

 private:
  PythonReference allocate_;
  std::mutex mutex_;
  std::unordered_map<std::byte*, pybind11::object> owners_;
};

}  // namespace penstock::bindings
