#include "decode/jpeg/planes.h"

#include "decode/jpeg/colour.h"

namespace penstock::decode::jpeg {

Plane::Plane(std::size_t rows, std::size_t width)
    : rows_(rows),
      stride_((width + kMargin + kRowPadding + 63) / 64 * 64),
      samples_(std::make_unique_for_overwrite<std::uint8_t[]>(kMargin + 2 * rows * stride_ + kRowPadding)) {}

void Plane::extend(std::size_t first_row, std::size_t width) {
  for (std::size_t i = 0; i < 8; ++i) {
    std::uint8_t* const samples = row(first_row + i);
    samples[-1] = samples[0];
    samples[width] = samples[width - 1];
  }
}

}  // namespace penstock::decode::jpeg
