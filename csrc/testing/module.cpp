#include <pybind11/pybind11.h>

#include "bindings/errors.h"
#include "testing/register.h"

PYBIND11_MODULE(_core_testing, module, pybind11::mod_gil_not_used()) {
  module.doc() = "Parts of Penstock's core by themselves, for its tests; not installed.";
  penstock::bindings::register_errors(module);
  penstock::testing::register_chunk_header(module);
  penstock::testing::register_masks(module);
  penstock::testing::register_philox(module);
  penstock::testing::register_pixels(module);
}
