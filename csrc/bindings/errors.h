#pragma once

#include <pybind11/pybind11.h>

#include <exception>
#include <memory>

#include "base/error.h"
#include "bindings/python_reference.h"

namespace penstock::bindings {

/// What Python raised, on its way through the core. Unlike pybind11's own exception, any thread may let go of it at any
/// time, also when the interpreter ends.
class PythonError final : public std::exception {
 public:
  /// The GIL is held.
  explicit PythonError(pybind11::error_already_set& error);

  const char* what() const noexcept override { return "Python raised an exception"; }
  /// The GIL is held.
  const pybind11::object& value() const { return value_->get(); }

 private:
  std::shared_ptr<const PythonReference> value_;  // exceptions are copied
};

/// Makes base::Error arrive in Python as the class of penstock.errors that belongs to its kind.
void register_errors(pybind11::module_& module);

/// The error as an exception object of that class.
pybind11::object python_error(const base::Error& error);

/// What Python raised as an error of the core: of a class of penstock.errors with its kind, cause and hint, of any
/// other class as kStorage with its text. The GIL is held.
base::Error core_error(const pybind11::error_already_set& error);

/// Runs Python's signal handlers; throws what they raise. For waits without the GIL.
void check_signals();

}  // namespace penstock::bindings
