#include "bindings/python_store.h"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "base/error.h"
#include "storage/joined_store.h"
#include "storage/local_store.h"

namespace py = pybind11;

namespace penstock::bindings {
namespace {

/// The GIL is held.
base::Error storage_error(const py::error_already_set& error) {
  if (error.matches(PyExc_FileNotFoundError)) {
    return {base::ErrorKind::kChunkNotFound, "the chunk is missing", "Restore it from a copy of the dataset"};
  }
  // An error of the package says by itself what is wrong; of others the type says as much as the text.
  if (py::hasattr(error.value(), "cause") && py::hasattr(error.value(), "hint")) {
    return {base::ErrorKind::kStorage, py::str(error.value().attr("cause")).cast<std::string>()};
  }
  return {base::ErrorKind::kStorage, error.what()};
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

std::uint64_t PythonStore::size(const std::string& key) {
  return with_python(
      [&] { return call_python(attribute_of(store_.get(), "size"), py::make_tuple(key)).cast<std::uint64_t>(); });
}

void PythonStore::read(const std::string& key, std::uint64_t offset, base::MutableBytes destination) {
  const std::size_t done = with_python([&] {
    const auto data = call_python(attribute_of(store_.get(), "read"), py::make_tuple(key, offset, destination.size()))
                          .cast<py::bytes>();
    const auto view = static_cast<std::string_view>(data);
    const std::size_t count = std::min(view.size(), destination.size());
    if (count > 0) std::memcpy(destination.data(), view.data(), count);
    return count;
  });
  if (done < destination.size()) {
    throw base::Error(base::ErrorKind::kChunkFormat,
                      "chunk '" + key + "' ends at byte " + std::to_string(offset + done) + ", " +
                          std::to_string(destination.size() - done) + " bytes too early");
  }
}

std::shared_ptr<storage::Store> store_of(const py::object& store) {
  if (py::isinstance<py::str>(store)) return std::make_shared<storage::LocalStore>(store.cast<std::string>());
  if (!py::isinstance<py::list>(store)) return std::make_shared<PythonStore>(store);
  std::vector<std::shared_ptr<storage::Store>> stores;
  for (const py::handle part : store) stores.push_back(store_of(py::reinterpret_borrow<py::object>(part)));
  return std::make_shared<storage::JoinedStore>(std::move(stores));
}

}  // namespace penstock::bindings
