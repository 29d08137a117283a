#include "bindings/errors.h"

#include <exception>

#include "base/error.h"

namespace py = pybind11;

namespace penstock::bindings {
namespace {

/// The one table from the core's errors to Python's.
const char* class_name(base::ErrorKind kind) {
  switch (kind) {
    case base::ErrorKind::kStorage:
      return "StorageError";
    case base::ErrorKind::kChunkNotFound:
      return "ChunkNotFoundError";
    case base::ErrorKind::kChunkFormat:
      return "ChunkFormatError";
    case base::ErrorKind::kDecode:
      return "DecodeError";
    case base::ErrorKind::kUnsupported:
      return "UnsupportedError";
    case base::ErrorKind::kTransform:
      return "TransformError";
    case base::ErrorKind::kClosed:
      return "LoaderClosedError";
  }
  return "PenstockError";
}

py::object none_if_empty(const std::string& text) {
  return text.empty() ? py::object(py::none()) : py::object(py::str(text));
}

void set_python_error(const base::Error& error) {
  const py::object type = py::module_::import("penstock.errors").attr(class_name(error.kind()));
  py::dict place;
  place["tensor"] = none_if_empty(error.tensor());
  place["index"] = error.sample() < 0 ? py::object(py::none()) : py::object(py::int_(error.sample()));
  place["chunk"] = none_if_empty(error.chunk());
  place["hint"] = none_if_empty(error.hint());
  PyErr_SetObject(type.ptr(), type(error.cause(), **place).ptr());
}

}  // namespace

void register_errors(py::module_& /*module*/) {
  py::register_local_exception_translator([](std::exception_ptr pointer) {
    try {
      if (pointer) std::rethrow_exception(pointer);
    } catch (const base::Error& error) {
      set_python_error(error);
    }
  });
}

}  // namespace penstock::bindings
