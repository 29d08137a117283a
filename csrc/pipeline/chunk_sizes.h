#pragma once

#include <cstdint>
#include <vector>

#include "pipeline/tensor_source.h"
#include "storage/store.h"

namespace penstock::pipeline {

/// Sizes of the chunks of a loader's tensors as they are stored, in bytes, and which of the tensors fit the cache. What
/// storage tells without a request is taken; where that is nothing, a chunk counts as what Deep Lake makes them.
class ChunkSizes {
 public:
  /// The budget goes to the smallest tensors first.
  ChunkSizes(const std::vector<TensorSource>& sources, const storage::Store& store, std::uint64_t budget_bytes);

  std::uint64_t of(std::size_t tensor, std::uint32_t row) const;
  /// Whether all chunks of the tensor together find room in the cache, beside smaller tensors.
  bool fits(std::size_t tensor) const { return fits_[tensor]; }
  /// What such tensors leave of the budget.
  std::uint64_t room() const { return room_; }

 private:
  struct Known {
    std::vector<std::uint64_t> bytes;  ///< by row, for as many as were asked for
    std::uint64_t mean = 0;            ///< of the others
  };

  std::vector<Known> known_;  ///< by tensor
  std::vector<bool> fits_;
  std::uint64_t room_ = 0;
};

}  // namespace penstock::pipeline
