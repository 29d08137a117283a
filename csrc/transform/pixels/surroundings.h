#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "transform/pixels/row_writer.h"
#include "transform/pixels/window.h"

namespace penstock::transform {

/// Everything of a row but the image that the window shows.
template <class T>
void fill_around(RowWriter<T>& writer, const Window& window, const Sink& sink, std::int32_t row) {
  const std::vector<Window::Layer>& layers = window.layers();
  for (std::size_t i = 0; i < layers.size(); ++i) {
    if (!layers[i].y.shows(row)) break;
    const bool last = i + 1 == layers.size();
    const AxisWindow& x = last ? window.x() : layers[i + 1].x;
    const AxisWindow& y = last ? window.y() : layers[i + 1].y;
    if (y.shows(row) && x.begin < x.end) {
      writer.fill(row, layers[i].x.begin, x.begin, layers[i].value);
      writer.fill(row, x.end, layers[i].x.end, layers[i].value);
    } else {
      writer.fill(row, layers[i].x.begin, layers[i].x.end, layers[i].value);
    }
  }
  writer.fill(row, window.extent().width, sink.padded.width, {sink.pad_value, sink.pad_value, sink.pad_value});
}

/// The rows below the image.
template <class T>
void fill_below(RowWriter<T>& writer, const Window& window, const Sink& sink) {
  const Color3 pad{sink.pad_value, sink.pad_value, sink.pad_value};
  for (std::int32_t row = window.extent().height; row < sink.padded.height; ++row) {
    writer.fill(row, 0, sink.padded.width, pad);
  }
}

}  // namespace penstock::transform
