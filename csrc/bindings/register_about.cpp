#include <pybind11/stl.h>

#include <string>

#include "bindings/register.h"
#include "decode/library_versions.h"
#include "format/lz4.h"
#include "storage/http/have_http.h"
#include "transform/pixels/instruction_set.h"
#ifdef PENSTOCK_HAVE_HTTP
#include "storage/http/certificates.h"
#include "storage/http/curl_version.h"
#endif

namespace py = pybind11;

namespace penstock::bindings {
namespace {

py::dict about() {
  py::dict libraries;
  for (const auto& [name, version] : decode::library_versions()) libraries[py::str(name)] = version;
  libraries["lz4"] = format::lz4_version();
  libraries["highway"] = transform::highway_version();
  std::string certificates;
#ifdef PENSTOCK_HAVE_HTTP
  libraries["libcurl"] = storage::http::curl_version_text();
  certificates = storage::http::system_certificates({});
#endif
  py::dict told;
  told["libraries"] = libraries;
  told["instruction_set"] = transform::instruction_set();
  told["http"] = storage::have_http();
  told["certificates"] = certificates;
  return told;
}

}  // namespace

void register_about(py::module_& module) { module.def("about", &about); }

}  // namespace penstock::bindings
