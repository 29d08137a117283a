#pragma once

#include <pybind11/pybind11.h>

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "bindings/python_reference.h"
#include "storage/files.h"
#include "storage/store.h"

namespace penstock::bindings {

/// Storage that Python reads: an object with size(key) and read(key, offset, length), as penstock.storage.store.Store
/// has them. Called from several threads, each of which waits for the GIL meanwhile. What Python raises becomes a
/// base::Error.
class PythonFiles final : public storage::Files {
 public:
  explicit PythonFiles(pybind11::object store) : store_(std::move(store)) {}

  storage::Object read(const std::string& key, std::optional<base::ByteRange> range) override;
  /// What was asked for before; nothing is asked for here.
  std::optional<std::uint64_t> known_size(const std::string& key) const override;

 private:
  /// Asks once for each key.
  std::uint64_t size(const std::string& key);

  PythonReference store_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, std::uint64_t> sizes_;
};

/// The files of a directory, where `store` is its path; of a list of stores, these as one (storage/joined_store); of an
/// object that has sign(keys, fresh) the URLs that it signs (bindings/python_urls), where the core can read such; else
/// what the object reads. `io_threads`: how many wait for files, or for the object; nothing: as many as suits either.
std::shared_ptr<storage::Store> store_of(const pybind11::object& store,
                                         std::optional<unsigned> io_threads = std::nullopt);

}  // namespace penstock::bindings
