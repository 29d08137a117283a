#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "batch/slab_pool.h"

namespace penstock::batch {

/// One tensor of a batch: its items (its samples, or the items of sequences) lie in one slab, back to back where all
/// shapes are equal, and always within a sequence.
struct TensorBatch {
  std::shared_ptr<Slab> slab;
  std::vector<base::Shape> shapes;
  std::vector<std::size_t> offsets;  ///< of each item in the slab
  bool stacked = false;              ///< all shapes are equal: the slab is one array

  /// Lays items of these shapes out: fills offsets and stacked, returns the bytes that the slab must have. `ends` says
  /// where a sample ends that has several items (the item after its last); without it, each item is a sample.
  std::size_t lay_out(std::vector<base::Shape> item_shapes, std::size_t item_size,
                      std::span<const std::size_t> ends = {});
};

struct Batch {
  std::vector<std::int64_t> indices;
  std::vector<TensorBatch> tensors;
  std::vector<double> metas;  ///< of transformed samples: see pipeline/meta_row

  /// Adds a tensor, laid out as TensorBatch::lay_out does, in a slab of the pool.
  void add(SlabPool& pool, std::vector<base::Shape> item_shapes, std::size_t item_size,
           std::span<const std::size_t> ends = {});
};

}  // namespace penstock::batch
