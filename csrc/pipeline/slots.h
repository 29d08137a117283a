#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "pipeline/tensor_source.h"

namespace penstock::pipeline {

/// What of one tensor is read for a batch: an item for each read, or, of a sequence, all its items, one after the
/// other. Each has a slot; without sequences, slots are reads.
struct Slots {
  std::vector<std::int64_t> items;  ///< by slot
  std::vector<std::size_t> ends;    ///< slot after a read's last, by read

  /// Every sample is below the tensor's length.
  static Slots of(const TensorSource& source, std::span<const std::int64_t> samples);
  void append(const TensorSource& source, std::int64_t sample);

  std::size_t begin(std::size_t read) const { return read == 0 ? 0 : ends[read - 1]; }
  std::size_t end(std::size_t read) const { return ends[read]; }
  /// The read that a slot belongs to.
  std::size_t read_of(std::size_t slot) const;
};

}  // namespace penstock::pipeline
