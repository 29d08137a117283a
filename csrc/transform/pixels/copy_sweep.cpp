#include "transform/pixels/copy_sweep.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "transform/pixels/row_kernels.h"
#include "transform/pixels/scratch.h"
#include "transform/pixels/surroundings.h"

namespace penstock::transform {

void copy_sweep(SourceRows& rows, const Window& window, const Sink& sink) {
  RowWriter<std::uint8_t> writer(sink);
  const AxisWindow &x = window.x(), &y = window.y();
  const auto count = static_cast<std::size_t>(window.empty() ? 0 : x.end - x.begin);
  Scratch turned;  // a row from right to left
  std::int32_t first = 0;
  if (count != 0) {
    const auto [least, last] = std::minmax({x.shown(x.begin), x.shown(x.end - 1)});
    first = least;
    rows.keep_columns(least, last + 1);
    if (x.reversed) turned = Scratch(count * 4);
  }
  const std::int32_t height = window.extent().height;
  for (std::int32_t i = 0; i < height; ++i) {
    // Source rows are asked for from the top down.
    const std::int32_t row = y.reversed ? height - 1 - i : i;
    fill_around(writer, window, sink, row);
    if (count == 0 || !y.shows(row)) continue;
    const auto* pixels = reinterpret_cast<const std::uint32_t*>(rows.row(y.shown(row))) + first;
    if (x.reversed) {
      std::reverse_copy(pixels, pixels + count, turned.as<std::uint32_t>());
      pixels = turned.as<std::uint32_t>();
    }
    writer.put(row, x.begin, pixels, count);
  }
  fill_below(writer, window, sink);
}

}  // namespace penstock::transform
