#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <cstring>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "bindings/register.h"
#include "bindings/step_reader.h"
#include "pipeline/detection.h"

namespace py = pybind11;

namespace penstock::bindings {
namespace {

template <class Element>
using Array = py::array_t<Element, py::array::c_style | py::array::forcecast>;

template <class Element>
std::vector<Element> copied(const Array<Element>& array) {
  return {array.data(), array.data() + array.size()};
}

transform::Boxes boxes_of(const Array<float>& array) {
  if (array.size() % 4 != 0) throw std::invalid_argument("boxes have four numbers");
  transform::Boxes boxes(static_cast<std::size_t>(array.size()) / 4);
  if (!boxes.empty()) std::memcpy(boxes.data(), array.data(), boxes.size() * sizeof(transform::Box));
  return boxes;
}

transform::AnnotationTable make_table(const Array<std::int64_t>& indices, const Array<std::uint8_t>& flags,
                                      const Array<std::int64_t>& offsets, const Array<float>& boxes,
                                      const Array<std::int64_t>& labels, const Array<std::int64_t>& ignored_offsets,
                                      const Array<float>& ignored) {
  return {copied(indices),         copied(flags),     copied(offsets), boxes_of(boxes), copied(labels),
          copied(ignored_offsets), boxes_of(ignored)};
}

pipeline::ImageLayout layout_named(const std::string& name) {
  if (name == "rows") return pipeline::ImageLayout::kRows;
  if (name == "planes") return pipeline::ImageLayout::kPlanes;
  if (name == "stack") return pipeline::ImageLayout::kStack;
  throw std::invalid_argument("unknown layout '" + name + "'");
}

pipeline::DetectionSpec make_spec(const py::sequence& steps, transform::AnnotationTable table, std::size_t image,
                                  bool gray, const std::string& layout, float pad_value) {
  return {transform::make_program(read_steps(steps)), std::move(table), image, gray, layout_named(layout), pad_value};
}

}  // namespace

void register_detection(py::module_& module) {
  py::class_<transform::AnnotationTable>(module, "AnnotationTable")
      .def(py::init(&make_table), py::kw_only(), py::arg("indices"), py::arg("flags"), py::arg("offsets"),
           py::arg("boxes"), py::arg("labels"), py::arg("ignored_offsets"), py::arg("ignored"));

  py::class_<pipeline::DetectionSpec>(module, "Detection")
      .def(py::init(&make_spec), py::kw_only(), py::arg("steps"), py::arg("table"), py::arg("image"), py::arg("gray"),
           py::arg("layout"), py::arg("pad_value"));

  module.attr("META_COLUMNS") = py::cast(pipeline::Detection::meta_columns());
}

}  // namespace penstock::bindings
