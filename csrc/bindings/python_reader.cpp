#include "bindings/python_reader.h"

#include <pybind11/numpy.h>

#include <limits>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "bindings/errors.h"
#include "decode/image_decoder.h"

namespace py = pybind11;

namespace penstock::bindings {
namespace {

using Result = pipeline::SampleReader::Result;

base::Shape shape_of(const py::array& array) {
  base::Shape shape;
  for (py::ssize_t axis = 0; axis < array.ndim(); ++axis) {
    if (array.shape(axis) > std::numeric_limits<std::uint32_t>::max()) {
      throw base::Error(base::ErrorKind::kUnsupported, "the sample has an axis of 2^32 elements or more");
    }
    shape.push_back(static_cast<std::uint32_t>(array.shape(axis)));
  }
  return shape;
}

void take_array(const py::array& array, const format::TensorFormat& format, pipeline::FetchedSample& sample) {
  if ((array.flags() & py::array::c_style) == 0 || array.itemsize() != static_cast<py::ssize_t>(format.item_size)) {
    throw base::Error(base::ErrorKind::kDecode, "the array is not contiguous or not of the tensor's dtype");
  }
  sample.stored = {static_cast<const std::byte*>(array.data()), static_cast<std::size_t>(array.nbytes())};
  sample.shape = shape_of(array);
  sample.raw = true;
}

void take_bytes(const py::bytes& bytes, pipeline::FetchedSample& sample) {
  const std::string_view text = bytes;
  if (text.size() > std::numeric_limits<std::uint32_t>::max()) {
    throw base::Error(base::ErrorKind::kDecode, "the sample has " + std::to_string(text.size()) + " bytes");
  }
  sample.stored = std::as_bytes(std::span(text.data(), text.size()));
  sample.shape = {static_cast<std::uint32_t>(text.size())};
}

/// `owner` keeps the item alive.
Result result_of(const py::handle& item, const format::TensorFormat& format, const std::shared_ptr<const void>& owner) {
  Result result;
  try {
    if (py::isinstance<py::bytes>(item)) {
      take_bytes(py::reinterpret_borrow<py::bytes>(item), result.sample);
    } else if (py::isinstance<py::array>(item)) {
      take_array(py::reinterpret_borrow<py::array>(item), format, result.sample);
    } else {
      // Not an exception: Python then says so itself.
      PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(item.ptr())), item.ptr());
      throw py::error_already_set();
    }
    result.sample.owner = owner;
  } catch (py::error_already_set& error) {
    result.error = std::make_exception_ptr(PythonError(error));
  } catch (...) {
    result.error = std::current_exception();
  }
  return result;
}

}  // namespace

PythonReader::PythonReader(py::object read, format::TensorFormat format, decode::Color color)
    : read_(std::move(read)), format_(std::move(format)), color_(color) {}

std::vector<Result> PythonReader::read(std::span<const std::int64_t> samples) {
  std::vector<Result> results = call(samples, false);
  const std::vector<std::size_t> odd = read_headers(results);
  if (odd.empty()) return results;
  std::vector<std::int64_t> again;
  for (const std::size_t position : odd) again.push_back(samples[position]);
  std::vector<Result> decoded = call(again, true);
  for (std::size_t i = 0; i < odd.size(); ++i) results[odd[i]] = std::move(decoded[i]);
  return results;
}

std::vector<Result> PythonReader::call(std::span<const std::int64_t> samples, bool decoded) const {
  const GilAcquire gil;
  try {
    return call_with_gil(samples, decoded);
  } catch (py::error_already_set& error) {
    throw PythonError(error);
  }
}

std::vector<Result> PythonReader::call_with_gil(std::span<const std::int64_t> samples, bool decoded) const {
  py::list indices;
  for (const std::int64_t sample : samples) indices.append(sample);
  // A tuple: nobody can take out of it what the samples refer to.
  const py::tuple items = call_python(read_.get(), py::make_tuple(indices, decoded));
  if (items.size() != samples.size()) {
    throw base::Error(base::ErrorKind::kStorage, "the reader returned " + std::to_string(items.size()) +
                                                     " samples for " + std::to_string(samples.size()));
  }
  const auto owner = std::make_shared<PythonReference>(items);
  std::vector<Result> results;
  results.reserve(items.size());
  for (const py::handle& item : items) results.push_back(result_of(item, format_, owner));
  return results;
}

std::vector<std::size_t> PythonReader::read_headers(std::vector<Result>& results) const {
  std::vector<std::size_t> odd;
  if (!format_.is_image) return odd;
  for (std::size_t i = 0; i < results.size(); ++i) {
    Result& result = results[i];
    if (result.error != nullptr || result.sample.raw) continue;
    try {
      decode::ImageHeader header =
          decode::read_image_header(format_.sample_compression, result.sample.stored, format_.item_size);
      if (!header.plain && color_ == decode::Color::kNative) odd.push_back(i);
      result.sample.shape = std::move(header.shape);
    } catch (const base::Error&) {
      result.error = std::current_exception();
    }
  }
  return odd;
}

}  // namespace penstock::bindings
