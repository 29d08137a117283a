#include <pybind11/stl.h>

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "bindings/errors.h"
#include "bindings/native_handle.h"
#include "bindings/python_store.h"
#include "bindings/register.h"
#include "pipeline/verify.h"

namespace py = pybind11;

namespace penstock::bindings {
namespace {

using VerifierHandle = NativeHandle<pipeline::Verifier>;

std::unique_ptr<VerifierHandle> make_verifier(const py::object& store, std::vector<pipeline::TensorSource> sources,
                                              unsigned threads, bool decode) {
  if (threads == 0) throw py::value_error("threads must be positive");
  std::shared_ptr<storage::Store> opened = store_of(store);
  // Its threads ask the store before this one is done.
  const GilRelease release;
  return std::make_unique<VerifierHandle>(std::make_shared<pipeline::Verifier>(
      std::move(opened), std::move(sources), pipeline::VerifyOptions{threads, decode}));
}

/// None at the end, else (samples, [(error of the first bad sample, last bad sample, bytes)]).
py::object next_chunk(VerifierHandle& handle) {
  std::optional<pipeline::CheckedChunk> chunk;
  {
    const GilRelease release;
    chunk = handle.core().next(check_signals);
  }
  if (!chunk) return py::none();
  py::list findings;
  for (const pipeline::Finding& finding : chunk->findings) {
    py::object bytes = py::none();
    if (finding.bytes) bytes = py::make_tuple(finding.bytes->begin, finding.bytes->end);
    findings.append(py::make_tuple(python_error(finding.error), finding.last, bytes));
  }
  return py::make_tuple(chunk->samples, findings);
}

}  // namespace

void register_verify(py::module_& module) {
  py::class_<VerifierHandle>(module, "Verifier")
      .def(py::init(&make_verifier), py::kw_only(), py::arg("store"), py::arg("sources"), py::arg("threads"),
           py::arg("decode"))
      .def("next", &next_chunk)
      .def("stop", &VerifierHandle::stop, py::call_guard<GilRelease>());
}

}  // namespace penstock::bindings
