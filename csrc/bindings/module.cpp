#include <pybind11/pybind11.h>

#include "bindings/errors.h"
#include "bindings/python_gil.h"
#include "bindings/register.h"

// Nothing here counts on the GIL: see "Without a GIL" in bindings/README.md.
PYBIND11_MODULE(_core, module, pybind11::mod_gil_not_used()) {
  module.doc() = "Penstock's native core. Use it through penstock.DataLoader.";
  module.attr("__version__") = PENSTOCK_VERSION;
#ifdef PENSTOCK_DEBUG_BUILD
  module.attr("DEBUG_BUILD") = true;
#else
  module.attr("DEBUG_BUILD") = false;
#endif
  penstock::bindings::register_errors(module);
  penstock::bindings::register_exit(module);
  penstock::bindings::register_about(module);
  penstock::bindings::register_decode(module);
  penstock::bindings::register_detection(module);
  penstock::bindings::register_loader(module);
  penstock::bindings::register_order(module);
  penstock::bindings::register_trace(module);
  penstock::bindings::register_verify(module);
}
