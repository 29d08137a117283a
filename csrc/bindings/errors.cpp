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

base::Error core_error(const py::error_already_set& error) {
  const py::object& value = error.value();
  const py::object package = py::module_::import("penstock.errors");
  if (!py::isinstance(value, package.attr("PenstockError"))) {
    const auto type = py::type::of(value).attr("__name__").cast<std::string>();
    return {base::ErrorKind::kStorage, type + ": " + py::str(value).cast<std::string>()};
  }
  const auto text_of = [&](const char* name) {
    const py::object text = value.attr(name);
    return text.is_none() ? std::string() : py::str(text).cast<std::string>();
  };
  // The nearest class that the core knows; a class of another may have a parent that it knows.
  for (const py::handle type : py::type::of(value).attr("__mro__")) {
    for (int i = 0; i <= static_cast<int>(base::kLastErrorKind); ++i) {
      const auto kind = static_cast<base::ErrorKind>(i);
      if (type.is(package.attr(class_name(kind)))) return {kind, text_of("cause"), text_of("hint")};
    }
  }
  return {base::ErrorKind::kStorage, text_of("cause"), text_of("hint")};
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
