#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/error.h"
#include "pipeline/fault.h"
#include "pipeline/slots.h"
#include "pipeline/tensor_source.h"

namespace penstock::pipeline {

/// A stored sample that a batch needs, and for which of its positions.
struct Read {
  std::int64_t sample = 0;
  std::size_t position = 0;
};

/// What a batch needs of storage: the samples that it is made of, and the items that each of them has in each tensor.
/// It is the one that gives errors their place, since that is always a read that was taken up.
class Wanted {
 public:
  /// The batch's own samples, each of them a read. Every one is below the length of each tensor.
  Wanted(const std::vector<TensorSource>& sources, std::span<const std::int64_t> samples);

  const std::vector<TensorSource>& sources() const { return *sources_; }
  /// Those that the batch was asked for, by position.
  const std::vector<std::int64_t>& samples() const { return samples_; }
  /// First one for each position, then what is mixed in or takes the place of rejected ones, as it was added.
  const std::vector<Read>& reads() const { return reads_; }
  const Slots& slots(std::size_t tensor) const { return slots_[tensor]; }

  /// Number of the read.
  std::size_t add(Read read);

  FaultPlace place_of(std::size_t tensor, std::size_t slot) const;

  /// Runs a step; its errors learn which sample and chunk they concern, where they do not say so yet. Errors of kind
  /// kTransform, for which no stored bytes are to blame, name the sample that the batch asks for.
  template <class Step>
  void named(FaultPlace place, Step step) const {
    try {
      step();
    } catch (base::Error& error) {
      name(error, place);
      throw;
    }
  }

 private:
  void name(base::Error& error, FaultPlace place) const noexcept;

  const std::vector<TensorSource>* sources_;
  std::vector<std::int64_t> samples_;
  std::vector<Read> reads_;
  std::vector<Slots> slots_;  ///< by tensor
};

}  // namespace penstock::pipeline
