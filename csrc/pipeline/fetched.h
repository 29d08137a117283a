#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "pipeline/fetched_sample.h"
#include "pipeline/wanted.h"

namespace penstock::pipeline {

/// What a batch needs, as it is stored. Of an item whose read failed there is nothing, and nobody may ask for it.
class Fetched {
 public:
  explicit Fetched(Wanted wanted) : wanted_(std::move(wanted)), items_(wanted_.sources().size()) {}

  const Wanted& wanted() const { return wanted_; }
  /// To want more: it is there after another round of fetching.
  Wanted& wanted() { return wanted_; }

  /// Makes room for the reads that were added since the last call; gives the first of them.
  std::size_t make_room();
  /// Whether there are such reads.
  bool wants_more() const { return wanted_.reads().size() > reads_; }

  /// By the slots of what is wanted. Threads may set different ones at the same time.
  void set(std::size_t tensor, std::size_t slot, FetchedSample item) { items_[tensor][slot] = std::move(item); }
  const FetchedSample& item(std::size_t tensor, std::size_t slot) const { return items_[tensor][slot]; }
  /// Of a tensor without sequences, where reads are slots.
  const FetchedSample& of_read(std::size_t tensor, std::size_t read) const { return items_[tensor][read]; }

 private:
  Wanted wanted_;
  std::size_t reads_ = 0;                          ///< that there is room for
  std::vector<std::vector<FetchedSample>> items_;  ///< by tensor, by slot
};

inline std::size_t Fetched::make_room() {
  for (std::size_t tensor = 0; tensor < items_.size(); ++tensor) {
    items_[tensor].resize(wanted_.slots(tensor).items.size());
  }
  return std::exchange(reads_, wanted_.reads().size());
}

}  // namespace penstock::pipeline
