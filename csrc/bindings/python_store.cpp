#include "bindings/python_store.h"

#include <algorithm>
#include <cstring>
#include <tuple>
#include <utility>
#include <vector>

#include "base/error.h"
#include "bindings/errors.h"
#ifdef PENSTOCK_HAVE_HTTP
#include "bindings/python_urls.h"
#endif
#include "storage/blocking_store.h"
#include "storage/disk_cache/disk_cache_store.h"
#include "storage/joined_store.h"
#include "storage/local_files.h"

namespace py = pybind11;

namespace penstock::bindings {
namespace {

constexpr unsigned kLocalThreads = 2;
/// What Python reads is mostly far away: many requests at once, and none for a little.
constexpr unsigned kPythonThreads = 16;
constexpr std::uint64_t kWorthAPythonRequest = std::uint64_t{1} << 20;

/// The GIL is held.
base::Error storage_error(const py::error_already_set& error) {
  if (error.matches(PyExc_FileNotFoundError)) {
    return {base::ErrorKind::kChunkNotFound, "the chunk is missing", "Restore it from a copy of the dataset"};
  }
  return core_error(error);
}

/// Calls into Python from a thread that does not hold the GIL.
template <class Call>
auto with_python(Call call) {
  const GilAcquire gil;
  try {
    return call();
  } catch (py::error_already_set& error) {
    throw storage_error(error);
  } catch (py::cast_error&) {
    throw base::Error(base::ErrorKind::kStorage, "the storage answered with an object of the wrong type");
  }
}

}  // namespace

std::uint64_t PythonFiles::size(const std::string& key) {
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = sizes_.find(key); found != sizes_.end()) return found->second;
  }
  const std::uint64_t size = with_python(
      [&] { return call_python(attribute_of(store_.get(), "size"), py::make_tuple(key)).cast<std::uint64_t>(); });
  const std::lock_guard lock(mutex_);
  sizes_[key] = size;
  return size;
}

std::optional<std::uint64_t> PythonFiles::known_size(const std::string& key) const {
  const std::lock_guard lock(mutex_);
  const auto found = sizes_.find(key);
  return found == sizes_.end() ? std::nullopt : std::optional(found->second);
}

storage::Object PythonFiles::read_versioned(const std::string& key, std::optional<base::ByteRange> range) {
  storage::Object object;
  with_python([&] {
    const py::object length = range ? py::object(py::int_(range->size())) : py::none();
    const auto [data, size, version] =
        call_python(attribute_of(store_.get(), "read_versioned"), py::make_tuple(key, range ? range->begin : 0, length))
            .cast<std::tuple<py::bytes, std::uint64_t, std::string>>();
    const auto view = static_cast<std::string_view>(data);
    object.bytes = base::OwnedBytes::allocate(view.size());
    if (!view.empty()) std::memcpy(object.bytes.data.get(), view.data(), view.size());
    object.size = size;
    object.version = version;
    return 0;
  });
  if (object.bytes.size != storage::within(range, object.size).size()) {
    throw base::Error(base::ErrorKind::kChunkFormat, "the storage answered with " + std::to_string(object.bytes.size) +
                                                         " bytes of an object of " + std::to_string(object.size));
  }
  const std::lock_guard lock(mutex_);
  sizes_[key] = object.size;
  return object;
}

/// The GIL is held.
py::object PythonFiles::read_all(const py::object& read, const std::string& key) {
  if (!wants_length_) {
    try {
      return call_python(read, py::make_tuple(key));
    } catch (py::error_already_set& error) {
      if (!error.matches(PyExc_TypeError)) throw;
      wants_length_ = true;  // it has to be told how much there is
    }
  }
  const py::object size = call_python(attribute_of(store_.get(), "size"), py::make_tuple(key));
  return call_python(read, py::make_tuple(key, 0, size));
}

storage::Object PythonFiles::read(const std::string& key, std::optional<base::ByteRange> range) {
  if (has_versions_) return read_versioned(key, range);
  // The answer to a range does not tell how large the object is.
  const std::uint64_t size = range ? this->size(key) : 0;
  const base::ByteRange part = storage::within(range, size);
  storage::Object object;
  with_python([&] {
    const py::object read = attribute_of(store_.get(), "read");
    const auto data = (range ? call_python(read, py::make_tuple(key, part.begin, part.size())) : read_all(read, key))
                          .cast<py::bytes>();
    const auto view = static_cast<std::string_view>(data);
    const std::size_t count = range ? std::min<std::size_t>(view.size(), part.size()) : view.size();
    object.bytes = base::OwnedBytes::allocate(count);
    if (count > 0) std::memcpy(object.bytes.data.get(), view.data(), count);
    return count;
  });
  object.size = range ? size : object.bytes.size;
  if (!range) {
    const std::lock_guard lock(mutex_);
    sizes_[key] = object.size;
  }
  return object;
}

namespace {

/// Makes stores that share their threads.
class StoreMaker {
 public:
  StoreMaker(std::optional<unsigned> io_threads, std::shared_ptr<storage::DiskCache> cache)
      : io_threads_(io_threads), cache_(std::move(cache)) {}

  std::shared_ptr<storage::Store> make(const py::object& store, const py::object& identity) {
    if (py::isinstance<py::str>(store)) {
      if (local_threads_ == nullptr)
        local_threads_ = storage::BlockingStore::make_threads(io_threads_.value_or(kLocalThreads));
      return std::make_shared<storage::BlockingStore>(std::make_shared<storage::LocalFiles>(store.cast<std::string>()),
                                                      local_threads_);
    }
#ifdef PENSTOCK_HAVE_HTTP
    if (py::hasattr(store, "sign")) return cached(http_store_of(store), identity);
#endif
    if (!py::isinstance<py::list>(store)) {
      if (python_threads_ == nullptr) {
        python_threads_ = storage::BlockingStore::make_threads(io_threads_.value_or(kPythonThreads));
      }
      return cached(std::make_shared<storage::BlockingStore>(std::make_shared<PythonFiles>(store), python_threads_,
                                                             kWorthAPythonRequest),
                    identity);
    }
    const auto parts = store.cast<py::list>();
    const auto identities = identity.is_none() ? py::list() : identity.cast<py::list>();
    if (!identity.is_none() && identities.size() != parts.size()) {
      throw py::value_error("cache_identity must have an entry for each store");
    }
    std::vector<std::shared_ptr<storage::Store>> stores;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      stores.push_back(make(parts[i], identity.is_none() ? identity : py::object(identities[i])));
    }
    return std::make_shared<storage::JoinedStore>(std::move(stores));
  }

 private:
  std::shared_ptr<storage::Store> cached(std::shared_ptr<storage::Store> store, const py::object& identity) const {
    if (cache_ == nullptr || identity.is_none()) return store;
    return std::make_shared<storage::DiskCacheStore>(std::move(store), cache_, identity.cast<std::string>());
  }

  const std::optional<unsigned> io_threads_;
  const std::shared_ptr<storage::DiskCache> cache_;
  std::shared_ptr<base::ThreadPool> local_threads_;
  std::shared_ptr<base::ThreadPool> python_threads_;
};

}  // namespace

std::shared_ptr<storage::Store> store_of(const py::object& store, std::optional<unsigned> io_threads,
                                         std::shared_ptr<storage::DiskCache> cache, const py::object& identity) {
  return StoreMaker(io_threads, std::move(cache)).make(store, identity);
}

std::shared_ptr<storage::DiskCache> disk_cache_in(const std::string& folder, std::optional<std::uint64_t> limit_bytes,
                                                  const py::object& report) {
  std::function<void(const std::string&)> tell;
  if (!report.is_none()) {
    tell = [shared = std::make_shared<const PythonReference>(report)](const std::string& text) {
      try {
        with_python([&] { return call_python(shared->get(), py::make_tuple(text)); });
      } catch (const base::Error&) {
        // A message that nobody takes is no reason to fail.
      }
    };
  }
  return std::make_shared<storage::DiskCache>(folder, limit_bytes, std::move(tell));
}

}  // namespace penstock::bindings
