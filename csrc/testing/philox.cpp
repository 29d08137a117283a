#include <pybind11/numpy.h>

#include "base/philox.h"
#include "testing/register.h"

namespace py = pybind11;

namespace penstock::testing {
namespace {

py::array_t<double> sample_randoms(std::uint64_t seed, std::uint64_t epoch, std::uint64_t index, py::ssize_t count) {
  base::Philox generator(seed, epoch, index);
  py::array_t<double> values(count);
  for (py::ssize_t i = 0; i < count; ++i) values.mutable_at(i) = generator.random();
  return values;
}

}  // namespace

void register_philox(py::module_& module) {
  module.def("sample_randoms", &sample_randoms, py::arg("seed"), py::arg("epoch"), py::arg("index"), py::arg("count"));
}

}  // namespace penstock::testing
