#pragma once

#include <pybind11/pybind11.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "bindings/python_reference.h"
#include "storage/disk_cache/disk_cache.h"
#include "storage/files.h"
#include "storage/store.h"

namespace penstock::bindings {

/// Storage that Python reads: an object with size(key) and read(key, offset, length), as penstock.storage.store.Store
/// has them; or with read_versioned(key, offset, length), which gives the bytes, the size of the whole object, and its
/// version. Called from several threads, each of which waits for the GIL meanwhile. What Python raises becomes a
/// base::Error.
class PythonFiles final : public storage::Files {
 public:
  /// The GIL is held.
  explicit PythonFiles(pybind11::object store)
      : has_versions_(pybind11::hasattr(store, "read_versioned")), store_(std::move(store)) {}

  storage::Object read(const std::string& key, std::optional<base::ByteRange> range) override;
  /// What was asked for before; nothing is asked for here.
  std::optional<std::uint64_t> known_size(const std::string& key) const override;

 private:
  pybind11::object read_all(const pybind11::object& read, const std::string& key);
  /// Asks once for each key.
  std::uint64_t size(const std::string& key);
  storage::Object read_versioned(const std::string& key, std::optional<base::ByteRange> range);

  const bool has_versions_;
  PythonReference store_;
  std::atomic<bool> wants_length_{false};  ///< read(key) alone is not what it takes
  mutable std::mutex mutex_;
  std::unordered_map<std::string, std::uint64_t> sizes_;
};

/// The files of a directory, where `store` is its path; of a list of stores, these as one (storage/joined_store); of an
/// object that has sign(keys, fresh) the URLs that it signs (bindings/python_urls), where the core can read such; else
/// what the object reads. `io_threads`: how many wait for files, or for the object; nothing: as many as suits either.
/// What an object reads goes by way of `cache`, if there is one, under the root that `identity` says; of a list, under
/// that in its place; None: not at all.
std::shared_ptr<storage::Store> store_of(const pybind11::object& store,
                                         std::optional<unsigned> io_threads = std::nullopt,
                                         std::shared_ptr<storage::DiskCache> cache = nullptr,
                                         const pybind11::object& identity = pybind11::none());

/// A cache in a folder. `report`, a callable or None, is told what the user should know, with the GIL held.
std::shared_ptr<storage::DiskCache> disk_cache_in(const std::string& folder, std::optional<std::uint64_t> limit_bytes,
                                                  const pybind11::object& report);

}  // namespace penstock::bindings
