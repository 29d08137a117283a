#include "transform/pixels/row_writer.h"

#include <algorithm>

namespace penstock::transform {
namespace {

std::size_t row_elements(std::int32_t width) { return (static_cast<std::size_t>(width) + 127) / 64 * 64; }

}  // namespace

template <class T>
RowWriter<T>::RowWriter(const Sink& sink)
    : sink_(sink),
      data_(reinterpret_cast<T*>(sink.data)),
      plane_(static_cast<std::size_t>(sink.padded.height) * static_cast<std::size_t>(sink.padded.width)),
      scratch_(row_elements(sink.padded.width) * 3 * sizeof(T)) {}

template <class T>
std::size_t RowWriter<T>::at(std::int32_t row, std::int32_t column) const {
  const std::size_t pixel =
      static_cast<std::size_t>(row) * static_cast<std::size_t>(sink_.padded.width) + static_cast<std::size_t>(column);
  return sink_.planar ? pixel : pixel * sink_.channels;
}

template <class T>
void RowWriter<T>::fill(std::int32_t row, std::int32_t begin, std::int32_t end, const Color3& color) {
  if (begin >= end) return;
  const auto count = static_cast<std::size_t>(end - begin);
  T* const out = data_ + at(row, begin);
  if (sink_.planar || sink_.channels == 1) {
    for (std::size_t c = 0; c < sink_.channels; ++c) std::fill_n(out + c * plane_, count, static_cast<T>(color[c]));
    return;
  }
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t c = 0; c < sink_.channels; ++c) {
      out[i * sink_.channels + c] = c < color.size() ? static_cast<T>(color[c]) : T{0};
    }
  }
}

template <class T>
kernels::Planes<T> RowWriter<T>::planes(std::int32_t row, std::int32_t column) {
  const std::size_t elements = row_elements(sink_.padded.width);
  kernels::Planes<T> planes;
  const bool direct = sink_.planar || sink_.channels == 1;
  for (std::size_t c = 0; c < 3; ++c) {
    planes[c] = direct && c < sink_.channels ? data_ + c * plane_ + at(row, column) : scratch_.as<T>() + c * elements;
  }
  return planes;
}

template <class T>
void RowWriter<T>::store(std::int32_t row, std::int32_t column, std::size_t count) {
  if (sink_.planar || sink_.channels == 1) return;
  const std::size_t elements = row_elements(sink_.padded.width);
  const T* const rows = scratch_.as<T>();
  kernels::interleave({rows, rows + elements, rows + 2 * elements}, sink_.channels, count, data_ + at(row, column));
}

template class RowWriter<std::uint8_t>;
template class RowWriter<float>;

}  // namespace penstock::transform
