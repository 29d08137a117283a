#pragma once

#include <pybind11/pybind11.h>

#include <utility>

namespace penstock::bindings {

/// A Python object that threads without the GIL may let go of, also when the interpreter has ended.
class PythonReference {
 public:
  explicit PythonReference(pybind11::object object) : object_(std::move(object)) {}
  ~PythonReference() {
    if (!Py_IsInitialized()) {
      object_.release();  // nobody is left to count references
      return;
    }
    const pybind11::gil_scoped_acquire gil;
    object_ = pybind11::object();
  }
  PythonReference(const PythonReference&) = delete;
  PythonReference& operator=(const PythonReference&) = delete;

  /// The GIL is held.
  const pybind11::object& get() const { return object_; }

 private:
  pybind11::object object_;
};

}  // namespace penstock::bindings
