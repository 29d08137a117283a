#include <pybind11/numpy.h>

#include <cstdint>
#include <limits>

#include "base/permutation.h"
#include "bindings/python_gil.h"
#include "bindings/register.h"

namespace py = pybind11;

namespace penstock::bindings {
namespace {

py::array_t<std::int64_t> permutation(std::uint64_t seed, std::uint64_t epoch, std::uint64_t purpose,
                                      py::ssize_t length) {
  if (length < 0 || length > std::numeric_limits<std::uint32_t>::max()) {
    throw py::value_error("length is below 2^32");
  }
  py::array_t<std::int64_t> numbers(length);
  const std::span<std::int64_t> memory(numbers.mutable_data(), static_cast<std::size_t>(length));
  const GilRelease release;
  base::permute(base::Philox(seed, epoch, 0, 0, purpose), memory);
  return numbers;
}

}  // namespace

void register_order(py::module_& module) {
  module.def("permutation", &permutation, py::arg("seed"), py::arg("epoch"), py::arg("purpose"), py::arg("length"));
}

}  // namespace penstock::bindings
