#pragma once

#include <pybind11/pybind11.h>

namespace penstock::testing {

void register_chunk_header(pybind11::module_& module);
void register_masks(pybind11::module_& module);
void register_philox(pybind11::module_& module);
void register_pixels(pybind11::module_& module);

}  // namespace penstock::testing
