#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include "bindings/bytes_view.h"
#include "bindings/names.h"
#include "bindings/python_gil.h"
#include "bindings/register.h"
#include "decode/claims.h"
#include "decode/image_decoder.h"
#include "format/lz4.h"

namespace py = pybind11;

namespace penstock::bindings {
namespace {

py::array decode_image(const py::bytes& data, const std::string& compression_name, const base::Shape& shape,
                       std::uint32_t item_size, const std::string& color_name) {
  if (item_size != 1 && item_size != 2) throw py::value_error("item_size is 1 (uint8) or 2 (uint16)");
  const decode::Color color = color_named(color_name);
  const format::Compression compression = compression_named(compression_name);
  const base::Shape decoded = decode::decoded_shape(shape, color);
  const base::Bytes encoded = view_of(data);
  decode::check_claim(compression, encoded, decoded, item_size);
  const py::dtype dtype(item_size == 2 ? "uint16" : "uint8");
  py::array out(dtype, std::vector<py::ssize_t>(decoded.begin(), decoded.end()));
  const base::MutableBytes pixels{static_cast<std::byte*>(out.mutable_data()), static_cast<std::size_t>(out.nbytes())};
  const GilRelease release;
  decode::decode_image(compression, encoded, shape, item_size, color, pixels);
  return out;
}

py::bytes decompress_lz4(const py::bytes& data) {
  const base::OwnedBytes out = format::decompress_lz4(view_of(data));
  return py::bytes(reinterpret_cast<const char*>(out.data.get()), out.size);
}

}  // namespace

void register_decode(py::module_& module) {
  module.def("decode_image", &decode_image, py::arg("data"), py::arg("compression"), py::arg("shape"),
             py::arg("item_size") = 1, py::arg("color") = "native");
  module.def("decompress_lz4", &decompress_lz4, py::arg("data"));
}

}  // namespace penstock::bindings
