#include "transform/pixels/row_writer.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <type_traits>

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
  for (std::size_t c = 0; c < sink_.channels; ++c) out[c] = c < color.size() ? static_cast<T>(color[c]) : T{0};
  // Each time as much again: a canvas may be larger than all that is put on it.
  const std::size_t elements = count * sink_.channels;
  for (std::size_t done = sink_.channels; done < elements; done *= 2) {
    std::memcpy(out + done, out, std::min(done, elements - done) * sizeof(T));
  }
}

template <class T>
void RowWriter<T>::put(std::int32_t row, std::int32_t column, const std::uint32_t* pixels, std::size_t count) {
  if constexpr (std::is_same_v<T, std::uint8_t>) {
    if (sink_.channels == 4 && !sink_.planar) {
      std::memcpy(data_ + at(row, column), pixels, count * 4);
    } else {
      kernels::separate(reinterpret_cast<const std::uint8_t*>(pixels), count, planes(row, column));
      store(row, column, count);
    }
  } else {
    throw std::logic_error("pixels of bytes are put among floats");
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
