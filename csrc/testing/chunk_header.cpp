#include <pybind11/stl.h>

#include "bindings/bytes_view.h"
#include "format/chunk_header.h"
#include "testing/register.h"

namespace py = pybind11;

namespace penstock::testing {
namespace {

/// What the core reads from a chunk's head.
py::dict parse_chunk_header(const py::bytes& data) {
  const base::Bytes chunk = bindings::view_of(data);
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

}  // namespace

void register_chunk_header(py::module_& module) {
  module.def("parse_chunk_header", &parse_chunk_header, py::arg("data"));
}

}  // namespace penstock::testing
