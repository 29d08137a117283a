#pragma once

#include <pybind11/pybind11.h>

#include <memory>
#include <string>

#include "bindings/python_reference.h"
#include "storage/store.h"

namespace penstock::bindings {

/// Storage that Python reads: an object with size(key) and read(key, offset, length), as penstock.storage.store.Store
/// has them. Called from any thread, which waits for the GIL meanwhile. What Python raises becomes a base::Error.
class PythonStore final : public storage::Store {
 public:
  explicit PythonStore(pybind11::object store) : store_(std::move(store)) {}

  std::uint64_t size(const std::string& key) override;
  void read(const std::string& key, std::uint64_t offset, base::MutableBytes destination) override;

 private:
  PythonReference store_;
};

/// The files of a directory, where `store` is its path; of a list of stores, these as one (storage/joined_store); else
/// what the object reads.
std::shared_ptr<storage::Store> store_of(const pybind11::object& store);

}  // namespace penstock::bindings
