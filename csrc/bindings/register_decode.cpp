#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include "bindings/names.h"
#include "bindings/python_gil.h"
#include "bindings/register.h"
#include "decode/image_decoder.h"
#include "format/chunk_header.h"
#include "format/lz4.h"

namespace py = pybind11;

namespace penstock::bindings {
namespace {

base::Bytes view_of(const py::bytes& data) {
  const std::string_view text = data;
  return std::as_bytes(std::span(text.data(), text.size()));
}

py::array decode_image(const py::bytes& data, const std::string& compression, const base::Shape& shape,
                       std::uint32_t item_size, const std::string& color_name) {
  if (item_size != 1 && item_size != 2) throw py::value_error("item_size is 1 (uint8) or 2 (uint16)");
  const decode::Color color = color_named(color_name);
  const base::Shape decoded = decode::decoded_shape(shape, color);
  const py::dtype dtype(item_size == 2 ? "uint16" : "uint8");
  py::array out(dtype, std::vector<py::ssize_t>(decoded.begin(), decoded.end()));
  const base::MutableBytes pixels{static_cast<std::byte*>(out.mutable_data()), static_cast<std::size_t>(out.nbytes())};
  const base::Bytes encoded = view_of(data);
  const GilRelease release;
  decode::decode_image(compression_named(compression), encoded, shape, item_size, color, pixels);
  return out;
}

/// For tests: what the core reads from a chunk's head.
py::dict parse_chunk_header(const py::bytes& data) {
  const base::Bytes chunk = view_of(data);
  const format::ChunkHeader header = format::parse_chunk_header(chunk, chunk.size());
  std::vector<base::Shape> shapes;
  for (std::uint64_t i = 0; i < header.shapes.samples(); ++i) shapes.push_back(*header.shape(i));
  std::vector<std::pair<std::uint64_t, std::uint64_t>> extents;
  for (std::uint64_t i = 0; i < header.byte_positions.samples(); ++i) {
    const base::ByteRange range = *header.byte_range(i);
    extents.emplace_back(range.begin, range.end);
  }
  py::dict result;
  result["version"] = header.version;
  result["shapes"] = shapes;
  result["extents"] = extents;
  result["data_offset"] = header.data_offset;
  return result;
}

py::bytes decompress_lz4(const py::bytes& data) {
  const base::OwnedBytes out = format::decompress_lz4(view_of(data));
  return py::bytes(reinterpret_cast<const char*>(out.data.get()), out.size);
}

}  // namespace

void register_decode(py::module_& module) {
  module.def("decode_image", &decode_image, py::arg("data"), py::arg("compression"), py::arg("shape"),
             py::arg("item_size") = 1, py::arg("color") = "native");
  module.def("parse_chunk_header", &parse_chunk_header, py::arg("data"));
  module.def("decompress_lz4", &decompress_lz4, py::arg("data"));
}

}  // namespace penstock::bindings
