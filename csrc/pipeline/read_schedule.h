#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "pipeline/chunk_sizes.h"
#include "pipeline/tensor_source.h"

namespace penstock::pipeline {

/// What an epoch reads when, known before it begins: which chunks are read whole and which sample by sample, and how
/// much of storage each batch is the first to need.
///
/// A chunk is worth reading whole when that moves no more bytes than its visits do, each of which counts a request more
/// (Store::bytes_worth_a_request): the rule is in bytes and latency. It is then held from its first visit to its last.
/// Where the chunks that are open at a time find room for that, this is what is done: in an unshuffled epoch, and in
/// one that is shuffled by chunks. Where they do not, as in a full shuffle of more than the cache takes, a chunk
/// that is worth it is read whole if at least a quarter of the samples between its first and its last visit are its
/// own, or if it is not larger than what a request is worth; the others' samples are read one by one, which costs a
/// hundredth of reading their chunks again and again. Compressed chunks can only be read whole, and tensors that fit
/// the cache are.
class ReadSchedule {
 public:
  /// `order` is cut into batches at `batch_ends`.
  ReadSchedule(const std::vector<TensorSource>& sources, const ChunkSizes& sizes, std::uint64_t bytes_worth_a_request,
               std::span<const std::int64_t> order, std::span<const std::size_t> batch_ends);

  bool whole(std::size_t tensor, std::uint32_t row) const { return whole_[tensor][row]; }
  /// How many batches use a chunk that is held from its first use to its last; 0 for chunks that are not.
  std::uint32_t uses(std::size_t tensor, std::uint32_t row) const {
    return uses_[tensor].empty() ? 0 : uses_[tensor][row];
  }
  /// Bytes that no batch before this one needs.
  std::uint64_t first_needed_by(std::size_t batch) const { return first_needed_[batch]; }

 private:
  struct Visits;

  void plan(std::size_t tensor, const TensorSource& source, const ChunkSizes& sizes, std::uint64_t worth,
            const Visits& visits, std::uint64_t& room);

  std::vector<std::vector<bool>> whole_;          ///< by tensor, by row
  std::vector<std::vector<std::uint32_t>> uses_;  ///< likewise; empty where no chunk of the tensor is held
  std::vector<std::uint64_t> first_needed_;       ///< by batch
  std::uint64_t ranged_bytes_ = 0;                ///< that are read sample by sample, in all
};

}  // namespace penstock::pipeline
