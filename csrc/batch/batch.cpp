#include "batch/batch.h"

#include <algorithm>
#include <utility>

namespace penstock::batch {
namespace {

constexpr std::size_t kAlignment = 64;

}  // namespace

std::size_t TensorBatch::lay_out(std::vector<base::Shape> item_shapes, std::size_t item_size,
                                 std::span<const std::size_t> ends) {
  shapes = std::move(item_shapes);
  stacked = std::all_of(shapes.begin(), shapes.end(), [&](const base::Shape& shape) { return shape == shapes[0]; });
  offsets.clear();
  std::size_t end = 0;
  for (const base::Shape& shape : shapes) {
    const bool starts_sample = ends.empty() || std::binary_search(ends.begin(), ends.end(), offsets.size());
    if (!stacked && starts_sample) end = (end + kAlignment - 1) / kAlignment * kAlignment;
    offsets.push_back(end);
    end += base::checked_byte_count(shape, item_size).value();
  }
  return end;
}

TensorBatch TensorBatch::in(SlabPool& pool, std::vector<base::Shape> item_shapes, ElementType element,
                            std::span<const std::size_t> ends) {
  TensorBatch tensor;
  tensor.element = element;
  tensor.slab = pool.take(tensor.lay_out(std::move(item_shapes), element.bytes, ends));
  return tensor;
}

}  // namespace penstock::batch
