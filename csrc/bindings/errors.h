#pragma once

#include <pybind11/pybind11.h>

#include "base/error.h"

namespace penstock::bindings {

/// Makes base::Error arrive in Python as the class of penstock.errors that belongs to its kind.
void register_errors(pybind11::module_& module);

/// The error as an exception object of that class.
pybind11::object python_error(const base::Error& error);

/// Runs Python's signal handlers; throws what they raise. For waits without the GIL.
void check_signals();

}  // namespace penstock::bindings
