#include "bindings/python_store.h"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "base/error.h"
#include "bindings/errors.h"
#ifdef PENSTOCK_HAVE_HTTP
#include "bindings/python_urls.h"
#endif
#include "storage/blocking_store.h"
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

storage::Object PythonFiles::read(const std::string& key, std::optional<base::ByteRange> range) {
  // The answer to a range does not tell how large the object is.
  const std::uint64_t size = range ? this->size(key) : 0;
  const base::ByteRange part = storage::within(range, size);
  storage::Object object;
  with_python([&] {
    const py::tuple arguments =
        range ? py::tuple(py::make_tuple(key, part.begin, part.size())) : py::tuple(py::make_tuple(key));
    const auto data = call_python(attribute_of(store_.get(), "read"), arguments).cast<py::bytes>();
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
  explicit StoreMaker(std::optional<unsigned> io_threads) : io_threads_(io_threads) {}

  std::shared_ptr<storage::Store> make(const py::object& store) {
    if (py::isinstance<py::str>(store)) {
      if (local_threads_ == nullptr)
        local_threads_ = storage::BlockingStore::make_threads(io_threads_.value_or(kLocalThreads));
      return std::make_shared<storage::BlockingStore>(std::make_shared<storage::LocalFiles>(store.cast<std::string>()),
                                                      local_threads_);
    }
#ifdef PENSTOCK_HAVE_HTTP
    if (py::hasattr(store, "sign")) return http_store_of(store);
#endif
    if (!py::isinstance<py::list>(store)) {
      if (python_threads_ == nullptr) {
        python_threads_ = storage::BlockingStore::make_threads(io_threads_.value_or(kPythonThreads));
      }
      return std::make_shared<storage::BlockingStore>(std::make_shared<PythonFiles>(store), python_threads_,
                                                      kWorthAPythonRequest);
    }
    std::vector<std::shared_ptr<storage::Store>> stores;
    for (const py::handle part : store) stores.push_back(make(py::reinterpret_borrow<py::object>(part)));
    return std::make_shared<storage::JoinedStore>(std::move(stores));
  }

 private:
  const std::optional<unsigned> io_threads_;
  std::shared_ptr<base::ThreadPool> local_threads_;
  std::shared_ptr<base::ThreadPool> python_threads_;
};

}  // namespace

std::shared_ptr<storage::Store> store_of(const py::object& store, std::optional<unsigned> io_threads) {
  return StoreMaker(io_threads).make(store);
}

}  // namespace penstock::bindings
