#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "batch/slab_pool.h"

namespace penstock::batch {

/// What the elements of a tensor are. Of stored ones the core knows the size, and the dataset what they mean.
struct ElementType {
  const char* name = nullptr;  ///< numpy's, of elements that the core has made
  std::size_t bytes = 1;       ///< of one element
};
inline constexpr ElementType kUint8{"uint8", 1};
inline constexpr ElementType kInt64{"int64", 8};
inline constexpr ElementType kFloat32{"float32", 4};
inline constexpr ElementType kFloat64{"float64", 8};

/// One tensor of a batch: its items (its samples, or the items of sequences) lie in one slab, back to back where all
/// shapes are equal, and always within a sequence.
struct TensorBatch {
  std::shared_ptr<Slab> slab;
  ElementType element;
  std::vector<base::Shape> shapes;
  std::vector<std::size_t> offsets;  ///< of each item in the slab
  std::size_t bytes = 0;             ///< that the slab has at least
  bool stacked = false;              ///< all shapes are equal: the slab is one array

  /// Items of these shapes, laid out: all is there but the slab. `ends` says where a sample ends that has several items
  /// (the item after its last); without it, each item is a sample.
  static TensorBatch of(std::vector<base::Shape> item_shapes, ElementType element,
                        std::span<const std::size_t> ends = {});

  std::byte* item(std::size_t number) const { return slab->data() + offsets[number]; }
};

struct Batch {
  std::vector<std::int64_t> indices;
  std::vector<TensorBatch> tensors;
  std::vector<double> metas;  ///< of transformed samples: see pipeline/meta_row
};

}  // namespace penstock::batch
