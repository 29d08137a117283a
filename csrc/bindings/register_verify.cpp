#include <pybind11/stl.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "bindings/errors.h"
#include "bindings/python_store.h"
#include "bindings/register.h"
#include "pipeline/verify.h"

namespace py = pybind11;

namespace penstock::bindings {
namespace {

/// A verifier as Python holds it. A forked child, which has none of its threads, leaves it alone.
class VerifierHandle {
 public:
  VerifierHandle(const py::object& store, std::vector<pipeline::TensorSource> sources, unsigned threads, bool decode)
      : owner_(getpid()),
        verifier_(std::make_unique<pipeline::Verifier>(store_of(store), std::move(sources),
                                                       pipeline::VerifyOptions{threads, decode})) {}
  ~VerifierHandle() {
    if (getpid() != owner_) verifier_.release();
  }
  VerifierHandle(const VerifierHandle&) = delete;
  VerifierHandle& operator=(const VerifierHandle&) = delete;

  pipeline::Verifier& verifier() { return *verifier_; }
  void stop() noexcept {
    if (getpid() == owner_) verifier_->stop();
  }

 private:
  pid_t owner_;
  std::unique_ptr<pipeline::Verifier> verifier_;
};

/// None at the end, else (samples, [(error of the first bad sample, last bad sample, bytes)]).
py::object next_chunk(VerifierHandle& handle) {
  std::optional<pipeline::CheckedChunk> chunk;
  {
    const py::gil_scoped_release release;
    chunk = handle.verifier().next(check_signals);
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
  py::class_<VerifierHandle>(module, "Verifier", py::release_gil_before_calling_cpp_dtor())
      .def(py::init<const py::object&, std::vector<pipeline::TensorSource>, unsigned, bool>(), py::kw_only(),
           py::arg("store"), py::arg("sources"), py::arg("threads"), py::arg("decode"))
      .def("next", &next_chunk)
      .def("stop", &VerifierHandle::stop, py::call_guard<py::gil_scoped_release>());
}

}  // namespace penstock::bindings
