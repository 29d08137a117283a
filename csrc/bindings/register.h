#pragma once

#include <pybind11/pybind11.h>

namespace penstock::bindings {

void register_about(pybind11::module_& module);
void register_decode(pybind11::module_& module);
void register_detection(pybind11::module_& module);
void register_loader(pybind11::module_& module);
void register_order(pybind11::module_& module);
void register_trace(pybind11::module_& module);
void register_verify(pybind11::module_& module);

}  // namespace penstock::bindings
