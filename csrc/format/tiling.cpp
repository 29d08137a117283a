#include "format/tiling.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <optional>
#include <string>

#include "base/error.h"

namespace penstock::format {

std::uint64_t Tiling::count() const {
  std::optional<std::uint64_t> product = 1;
  for (std::size_t axis = 0; axis < sample.size() && product; ++axis) {
    product = base::checked_multiply(*product, tiles_along(axis));
  }
  return product.value_or(std::numeric_limits<std::uint64_t>::max());
}

Tiling::Block Tiling::block(std::uint64_t number) const {
  Block block{base::Shape(sample.size()), base::Shape(sample.size())};
  for (std::size_t axis = sample.size(); axis-- > 0;) {
    const std::uint64_t along = tiles_along(axis);
    const std::uint64_t begin = number % along * tile[axis];
    number /= along;
    block.origin[axis] = static_cast<std::uint32_t>(begin);
    block.shape[axis] = static_cast<std::uint32_t>(std::min<std::uint64_t>(tile[axis], sample[axis] - begin));
  }
  return block;
}

Tiling Tiling::recolored(bool gray) const {
  if (sample.size() < 2 || tile.size() < 2) {
    throw base::Error(base::ErrorKind::kDecode,
                      "an image has two or three axes, this sample has " + std::to_string(sample.size()));
  }
  if (sample.size() == 3 && tiles_along(2) != 1) {
    throw base::Error(base::ErrorKind::kUnsupported,
                      "an image whose channels are in different tiles has no color conversion");
  }
  if (gray) return {{sample.at(0), sample.at(1)}, {tile.at(0), tile.at(1)}};
  return {{sample.at(0), sample.at(1), 3}, {tile.at(0), tile.at(1), 3}};
}

void copy_block(base::Bytes tile, const Tiling::Block& block, const base::Shape& sample_shape, std::size_t item_size,
                base::MutableBytes sample) {
  // Axes that the block covers whole, and the one before them, make one run of bytes.
  std::size_t outer = sample_shape.size();
  std::size_t run = item_size;
  std::size_t stride = item_size;
  while (outer > 0) {
    --outer;
    run = stride * block.shape[outer];
    stride *= sample_shape[outer];
    if (run != stride) break;
  }
  // Offset of the block, and strides of the axes before the run.
  std::vector<std::size_t> strides(sample_shape.size());
  std::size_t offset = 0;
  std::size_t bytes = item_size;
  for (std::size_t axis = sample_shape.size(); axis-- > 0;) {
    strides[axis] = bytes;
    offset += block.origin[axis] * bytes;
    bytes *= sample_shape[axis];
  }
  base::Shape at(outer, 0);
  for (std::size_t from = 0; from < tile.size(); from += run) {
    std::size_t to = offset;
    for (std::size_t axis = 0; axis < outer; ++axis) to += at[axis] * strides[axis];
    std::memcpy(sample.data() + to, tile.data() + from, run);
    for (std::size_t axis = outer; axis-- > 0;) {
      if (++at[axis] < block.shape[axis]) break;
      at[axis] = 0;
    }
  }
}

}  // namespace penstock::format
