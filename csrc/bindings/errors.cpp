#include "bindings/errors.h"

#include <exception>

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
    case base::ErrorKind::kTimeout:
      return "LoaderTimeoutError";
    case base::ErrorKind::kThreads:
      return "ThreadStartError";
    case base::ErrorKind::kAccessDenied:
      return "AccessDeniedError";
    case base::ErrorKind::kHostNotFound:
      return "HostNotFoundError";
    case base::ErrorKind::kCertificate:
      return "CertificateError";
    case base::ErrorKind::kStorageTimeout:
      return "StorageTimeoutError";
  }
  return "PenstockError";
}

py::object none_if_empty(const std::string& text) {
  return text.empty() ? py::object(py::none()) : py::object(py::str(text));
}

}  // namespace

py::object python_error(const base::Error& error) {
  const py::object type = py::module_::import("penstock.errors").attr(class_name(error.kind()));
  py::dict place;
  place["tensor"] = none_if_empty(error.tensor());
  place["index"] = error.sample() < 0 ? py::object(py::none()) : py::object(py::int_(error.sample()));
  place["chunk"] = none_if_empty(error.chunk());
  place["hint"] = none_if_empty(error.hint());
  return type(error.cause(), **place);
}

void check_signals() {
  const GilAcquire gil;
  if (or_park([] { return PyErr_CheckSignals(); }) != 0) throw py::error_already_set();
}

PythonError::PythonError(py::error_already_set& error)
    : value_(std::make_shared<const PythonReference>(error.value())) {
  if (error.trace()) PyException_SetTraceback(error.value().ptr(), error.trace().ptr());
}

void register_errors(py::module_& /*module*/) {
  py::register_local_exception_translator([](std::exception_ptr pointer) {
    try {
      if (pointer) std::rethrow_exception(pointer);
    } catch (const base::Error& error) {
      const py::object exception = python_error(error);
      PyErr_SetObject(py::type::handle_of(exception).ptr(), exception.ptr());
    } catch (const PythonError& error) {
      PyErr_SetObject(py::type::handle_of(error.value()).ptr(), error.value().ptr());
    }
  });
}

}  // namespace penstock::bindings
