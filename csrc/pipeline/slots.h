#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "pipeline/tensor_source.h"

namespace penstock::pipeline {

/// What of one tensor goes into a batch: an item for each sample, or, of a sequence, all its items, one after the
/// other. Each has a slot; without sequences, slots are positions in the batch.
struct Slots {
  std::vector<std::int64_t> items;  ///< by slot
  std::vector<std::size_t> ends;    ///< slot after a sample's last, by position

  /// Every index is below the tensor's length.
  static Slots of(const TensorSource& source, std::span<const std::int64_t> indices);

  std::size_t begin(std::size_t position) const { return position == 0 ? 0 : ends[position - 1]; }
  std::size_t end(std::size_t position) const { return ends[position]; }
  /// Position of the sample that a slot belongs to.
  std::size_t position_of(std::size_t slot) const;
};

}  // namespace penstock::pipeline
