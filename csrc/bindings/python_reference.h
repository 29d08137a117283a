#pragma once

#include <pybind11/pybind11.h>

#include <utility>

#include "base/error.h"
#include "bindings/python_gil.h"

namespace penstock::bindings {

/// A Python object that threads without the GIL may let go of. It is never freed where the interpreter is ending or has
/// ended: see Note [The interpreter's end].
class PythonReference {
 public:
  explicit PythonReference(pybind11::object object) : object_(std::move(object)) {}
  ~PythonReference() {
    PyObject* object = object_.release().ptr();
    if (object == nullptr || !GilAcquire::possible()) return;
    try {
      const GilAcquire gil;
      or_park([object] {
        Py_DECREF(object);
        return 0;
      });
    } catch (const base::Error&) {
      // The interpreter has begun to end in between.
    }
  }
  PythonReference(const PythonReference&) = delete;
  PythonReference& operator=(const PythonReference&) = delete;

  /// The GIL is held.
  const pybind11::object& get() const { return object_; }

 private:
  pybind11::object object_;
};

}  // namespace penstock::bindings
