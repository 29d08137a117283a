#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "bindings/check_arguments.h"
#include "bindings/names.h"
#include "bindings/register.h"
#include "bindings/step_reader.h"
#include "pipeline/detection_recipe.h"
#include "pipeline/meta_row.h"

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
                                      const Array<std::int64_t>& labels, const Array<std::int64_t>& mask_rows,
                                      const Array<std::int64_t>& ignored_offsets, const Array<float>& ignored,
                                      const Array<std::int64_t>& mask_counts, const Array<std::uint8_t>& ignore_flags) {
  transform::AnnotationTable table{.indices = copied(indices),
                                   .flags = copied(flags),
                                   .offsets = copied(offsets),
                                   .boxes = boxes_of(boxes),
                                   .labels = copied(labels),
                                   .mask_rows = copied(mask_rows),
                                   .ignored_offsets = copied(ignored_offsets),
                                   .ignored = boxes_of(ignored),
                                   .mask_counts = copied(mask_counts),
                                   .ignore_flags = copied(ignore_flags)};
  check_table(table);
  return table;
}

pipeline::ImageLayout layout_named(const std::string& name) {
  if (name == "rows") return pipeline::ImageLayout::kRows;
  if (name == "planes") return pipeline::ImageLayout::kPlanes;
  if (name == "stack") return pipeline::ImageLayout::kStack;
  throw std::invalid_argument("unknown layout '" + name + "'");
}

/// (number of the tensor, dtype of stored polygons or None, whether they are worked on as bitmaps).
std::optional<pipeline::MaskSource> masks_of(const py::object& described) {
  if (described.is_none()) return std::nullopt;
  const auto [tensor, dtype, bitmaps] = py::cast<std::tuple<std::size_t, std::optional<std::string>, bool>>(described);
  pipeline::MaskSource masks{tensor, std::nullopt, bitmaps};
  if (dtype) masks.polygons = coordinate_named(*dtype);
  return masks;
}

pipeline::DetectionSpec make_spec(const py::sequence& steps, transform::AnnotationTable table, std::size_t image,
                                  const py::object& masks, bool gray, const std::string& layout, float pad_value,
                                  const std::optional<std::vector<std::size_t>>& partner_steps) {
  return {.program = transform::make_program(read_steps(steps), partner_steps),
          .table = std::move(table),
          .image = image,
          .masks = masks_of(masks),
          .gray = gray,
          .layout = layout_named(layout),
          .pad_value = pad_value};
}

}  // namespace

void register_detection(py::module_& module) {
  py::class_<transform::AnnotationTable>(module, "AnnotationTable")
      .def(py::init(&make_table), py::kw_only(), py::arg("indices"), py::arg("flags"), py::arg("offsets"),
           py::arg("boxes"), py::arg("labels"), py::arg("mask_rows"), py::arg("ignored_offsets"), py::arg("ignored"),
           py::arg("mask_counts") = Array<std::int64_t>(0), py::arg("ignore_flags") = Array<std::uint8_t>(0));

  py::class_<transform::EpochPlaces, std::shared_ptr<transform::EpochPlaces>>(module, "EpochPlaces")
      .def(py::init([](const Array<std::int64_t>& order) {
             return std::make_shared<transform::EpochPlaces>(
                 std::span(order.data(), static_cast<std::size_t>(order.size())));
           }),
           py::arg("order"));

  py::class_<pipeline::DetectionSpec>(module, "Detection")
      .def(py::init(&make_spec), py::kw_only(), py::arg("steps"), py::arg("table"), py::arg("image"), py::arg("masks"),
           py::arg("gray"), py::arg("layout"), py::arg("pad_value"), py::arg("partner_steps") = py::none());

  module.attr("META_COLUMNS") = py::cast(pipeline::meta_columns());
}

}  // namespace penstock::bindings
