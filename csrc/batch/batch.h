#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/bytes.h"
#include "batch/slab_pool.h"

namespace penstock::batch {

/// One tensor of a batch: its samples lie in one slab, back to back where all shapes are equal.
struct TensorBatch {
  std::shared_ptr<Slab> slab;
  std::vector<base::Shape> shapes;
  std::vector<std::size_t> offsets;  ///< of each sample in the slab
  bool stacked = false;              ///< all shapes are equal: the slab is one array

  /// Lays samples of these shapes out: fills offsets and stacked, returns the bytes that the slab must have.
  std::size_t lay_out(std::vector<base::Shape> sample_shapes, std::size_t item_size);
};

struct Batch {
  std::vector<std::int64_t> indices;
  std::vector<TensorBatch> tensors;
  std::vector<double> metas;  ///< of transformed samples: see pipeline/meta_row
};

}  // namespace penstock::batch
