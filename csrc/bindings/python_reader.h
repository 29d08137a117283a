#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "bindings/python_reference.h"
#include "decode/image_decoder.h"
#include "format/tensor_format.h"
#include "pipeline/sample_reader.h"

namespace penstock::bindings {

/// Samples that a Python callable reads: `read(indices, decoded)` returns for each index the sample's bytes as stored,
/// a C-contiguous array of its elements, or an exception that says why it cannot be read. With `decoded`, images come
/// as arrays too: asked of those that decoders disagree about (see ImageHeader::plain), for which Python's library is
/// the authority.
class PythonReader final : public pipeline::SampleReader {
 public:
  /// The GIL is held.
  PythonReader(pybind11::object read, format::TensorFormat format, decode::Color color);

  /// Takes the GIL for the call and for nothing else.
  std::vector<Result> read(std::span<const std::int64_t> samples) override;

 private:
  std::vector<Result> call(std::span<const std::int64_t> samples, bool decoded) const;
  std::vector<Result> call_with_gil(std::span<const std::int64_t> samples, bool decoded) const;
  /// Fills in shapes of encoded images; returns which are to be decoded in Python.
  std::vector<std::size_t> read_headers(std::vector<Result>& results) const;

  PythonReference read_;
  format::TensorFormat format_;
  decode::Color color_;
};

}  // namespace penstock::bindings
