#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "bindings/bytes_view.h"
#include "bindings/names.h"
#include "testing/register.h"
#include "transform/masks/rasterize.h"
#include "transform/masks/stored_masks.h"

namespace py = pybind11;

/// Masks by themselves, without a dataset and a pipeline.
namespace penstock::testing {
namespace {

using bindings::coordinate_named;
using bindings::view_of;
using transform::BitmapMasks;
using transform::Extent;
using transform::PolygonMasks;
using Objects = std::vector<std::size_t>;
using Array = py::array_t<std::uint8_t, py::array::c_style | py::array::forcecast>;
using Polygons = std::vector<std::vector<py::array_t<double, py::array::c_style | py::array::forcecast>>>;

base::Bytes view_of(const Array& array) {
  return std::as_bytes(std::span(array.data(), static_cast<std::size_t>(array.size())));
}

Array array_of(const BitmapMasks& masks) {
  const Extent extent = masks.extent();
  Array out({static_cast<py::ssize_t>(masks.size()), py::ssize_t{extent.height}, py::ssize_t{extent.width}});
  masks.write(std::as_writable_bytes(std::span(out.mutable_data(), masks.byte_count())));
  return out;
}

/// masks: (objects, height, width)
BitmapMasks bitmaps_of(const Array& array) {
  if (array.ndim() != 3) throw py::value_error("masks have three dimensions");
  const auto height = static_cast<std::uint32_t>(array.shape(1));
  const auto width = static_cast<std::uint32_t>(array.shape(2));
  const Array turned = Array(array.attr("transpose")(1, 2, 0));
  const base::Shape shape{height, width, static_cast<std::uint32_t>(array.shape(0))};
  return transform::read_bitmaps(view_of(turned), shape, false,
                                 {static_cast<std::int32_t>(height), static_cast<std::int32_t>(width)});
}

transform::PolygonLists lists_of(const Polygons& objects) {
  transform::PolygonLists lists;
  for (const auto& polygons : objects) {
    for (const auto& polygon : polygons) {
      lists.add_polygon({polygon.data(), static_cast<std::size_t>(polygon.size())});
    }
    lists.end_object();
  }
  return lists;
}

std::vector<std::vector<py::array_t<double>>> objects_of(const transform::PolygonLists& lists) {
  std::vector<std::vector<py::array_t<double>>> objects(lists.objects());
  for (std::size_t object = 0; object < objects.size(); ++object) {
    for (std::size_t i = lists.first_polygon(object); i < lists.end_polygon(object); ++i) {
      const std::span<const double> xy = lists.polygon(i);
      objects[object].emplace_back(static_cast<py::ssize_t>(xy.size()), xy.data());
    }
  }
  return objects;
}

/// ("crop", left, top, right, bottom) and so on, as the methods are called.
template <class Masks>
void apply(Masks& masks, const py::tuple& operation) {
  const auto name = operation[0].cast<std::string>();
  const auto number = [&](std::size_t i) { return operation[i].cast<std::int32_t>(); };
  if (name == "resize") {
    masks.resize({number(1), number(2)});
  } else if (name == "flip") {
    masks.flip(operation[1].cast<bool>(), operation[2].cast<bool>());
  } else if (name == "pad") {
    masks.pad({number(1), number(2)}, operation[3].cast<double>());
  } else if (name == "crop") {
    masks.crop(number(1), number(2), number(3), number(4));
  } else if (name == "expand") {
    masks.expand({number(1), number(2)}, number(3), number(4));
  } else if (name == "keep") {
    masks.select(transform::kept(operation[1].cast<transform::Keep>()));
  } else if (name == "select") {
    masks.select(std::span<const std::size_t>(operation[1].cast<Objects>()));
  } else if (name == "areas") {
    masks.areas();
  } else {
    throw std::invalid_argument("unknown operation '" + name + "'");
  }
}

/// What comes out: masks, areas, boxes.
template <class Masks>
py::dict result_of(Masks masks, py::object values) {
  const Extent extent = masks.extent();
  py::dict result;
  result["masks"] = std::move(values);
  result["extent"] = py::make_tuple(extent.height, extent.width);
  result["areas"] = masks.areas();
  result["boxes"] = masks.boxes();
  return result;
}

py::dict change_bitmaps(const Array& array, const std::vector<py::tuple>& operations) {
  BitmapMasks masks = bitmaps_of(array);
  for (const py::tuple& operation : operations) apply(masks, operation);
  return result_of(masks, array_of(masks));
}

py::dict change_polygons(const Polygons& objects, Extent extent, const std::vector<py::tuple>& operations,
                         bool as_bitmaps) {
  PolygonMasks masks(transform::without_short_polygons(lists_of(objects)), extent);
  for (const py::tuple& operation : operations) apply(masks, operation);
  if (as_bitmaps) return result_of(masks, array_of(transform::rasterize(masks)));
  return result_of(masks, py::cast(objects_of(masks.lists())));
}

py::dict paste_bitmaps(const Array& below, const Array& above, const Objects& pasted) {
  BitmapMasks covered = bitmaps_of(below);
  BitmapMasks pasting = bitmaps_of(above);
  pasting.select(std::span<const std::size_t>(pasted));
  const std::vector<std::uint8_t> any = pasting.any();
  covered.clear(any);
  py::dict result;
  result["any"] = Array(static_cast<py::ssize_t>(any.size()), any.data());
  covered.append(pasting);
  result.attr("update")(result_of(covered, array_of(covered)));
  return result;
}

}  // namespace

void register_masks(py::module_& module) {
  module.def("change_bitmap_masks", &change_bitmaps, py::arg("masks"), py::arg("operations"));
  module.def(
      "change_polygon_masks",
      [](const Polygons& objects, std::int32_t height, std::int32_t width, const std::vector<py::tuple>& operations,
         bool as_bitmaps) { return change_polygons(objects, {height, width}, operations, as_bitmaps); },
      py::arg("objects"), py::arg("height"), py::arg("width"), py::arg("operations"), py::arg("as_bitmaps"));
  module.def(
      "rasterize",
      [](const Polygons& objects, std::int32_t height, std::int32_t width, const std::vector<py::tuple>& operations) {
        BitmapMasks masks = transform::rasterize(lists_of(objects), {height, width});
        for (const py::tuple& operation : operations) apply(masks, operation);
        return array_of(masks);
      },
      py::arg("objects"), py::arg("height"), py::arg("width"), py::arg("operations") = py::list());
  module.def("paste_bitmap_masks", &paste_bitmaps, py::arg("below"), py::arg("above"), py::arg("pasted"));
  module.def(
      "masks_of_boxes",
      [](const transform::Boxes& boxes, std::int32_t height, std::int32_t width) {
        return array_of(transform::masks_of_boxes(boxes, {height, width}));
      },
      py::arg("boxes"), py::arg("height"), py::arg("width"));
  module.def(
      "read_polygons",
      [](const py::bytes& data, const std::string& type, const Objects& objects) {
        return objects_of(transform::read_polygons(view_of(data), coordinate_named(type), {objects, std::nullopt}));
      },
      py::arg("data"), py::arg("dtype"), py::arg("objects"));
  module.def(
      "read_bitmaps",
      [](const py::bytes& data, const base::Shape& shape, bool is_bool, std::int32_t height, std::int32_t width,
         const Objects& objects) {
        return array_of(
            transform::read_bitmaps(view_of(data), shape, is_bool, {height, width}, {objects, std::nullopt}));
      },
      py::arg("data"), py::arg("shape"), py::arg("is_bool"), py::arg("height"), py::arg("width"), py::arg("objects"));
}

}  // namespace penstock::testing
