#pragma once

#include <pybind11/pybind11.h>

namespace penstock::bindings {

/// Makes base::Error arrive in Python as the class of penstock.errors that belongs to its kind.
void register_errors(pybind11::module_& module);

}  // namespace penstock::bindings
