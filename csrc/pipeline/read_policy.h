#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "pipeline/tensor_source.h"
#include "storage/store.h"

namespace penstock::pipeline {

/// For each tensor, whether all its chunks together find room in the cache. The budget goes to the smallest tensors
/// first. Asks the store for the chunks' sizes; a chunk that cannot be asked counts nothing, its error comes when it
/// is read.
std::vector<bool> tensors_that_fit(const std::vector<TensorSource>& sources, storage::Store& store,
                                   std::uint64_t budget_bytes);

/// Which chunks of an epoch are read whole, and which sample by sample.
///
/// Whole is right when the cache will still have the chunk at its next use: where the tensor fits the cache, and where
/// the epoch visits the chunk's samples close together (at least a quarter of the samples between its first and its
/// last visit are its own), as in an unshuffled epoch. A shuffled epoch over more data than the cache would read each
/// chunk again for nearly every sample: there, a ranged read of the one sample costs a hundredth. Compressed chunks
/// can only be read whole.
class ReadPolicy {
 public:
  ReadPolicy(const std::vector<TensorSource>& sources, const std::vector<bool>& fits,
             std::span<const std::int64_t> order);

  bool whole(std::size_t tensor, std::uint32_t row) const { return whole_[tensor][row]; }

 private:
  std::vector<std::vector<bool>> whole_;
};

}  // namespace penstock::pipeline
