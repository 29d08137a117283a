#include "batch/batch.h"

#include <algorithm>
#include <utility>

namespace penstock::batch {
namespace {

constexpr std::size_t kAlignment = 64;

}  // namespace

TensorBatch TensorBatch::of(std::vector<base::Shape> item_shapes, ElementType element,
                            std::span<const std::size_t> ends) {
  TensorBatch tensor;
  tensor.element = element;
  tensor.shapes = std::move(item_shapes);
  const std::vector<base::Shape>& shapes = tensor.shapes;
  tensor.stacked =
      std::all_of(shapes.begin(), shapes.end(), [&](const base::Shape& shape) { return shape == shapes[0]; });
  std::size_t& end = tensor.bytes;
  for (const base::Shape& shape : shapes) {
    const bool starts_sample = ends.empty() || std::binary_search(ends.begin(), ends.end(), tensor.offsets.size());
    if (!tensor.stacked && starts_sample) end = (end + kAlignment - 1) / kAlignment * kAlignment;
    tensor.offsets.push_back(end);
    end += base::checked_byte_count(shape, element.bytes).value();
  }
  return tensor;
}

}  // namespace penstock::batch
