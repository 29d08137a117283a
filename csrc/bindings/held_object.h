#pragma once

#include <pybind11/pybind11.h>

#include <memory>
#include <utility>

namespace penstock::bindings {

/// A Python object that any thread may let go of, with or without the GIL, also while the interpreter is gone. Made
/// with the GIL held.
inline std::shared_ptr<pybind11::object> hold(pybind11::object object) {
  return {new pybind11::object(std::move(object)), [](pybind11::object* held) {
            if (Py_IsInitialized()) {
              const pybind11::gil_scoped_acquire gil;
              delete held;
            } else {
              held->release();  // nobody is left to count references
              delete held;
            }
          }};
}

}  // namespace penstock::bindings
