#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace penstock::transform {

/// The items of a table in the order of an epoch, and so what has come before each of them:
/// penstock/detection/epoch_places.py, which says why.
class EpochPlaces {
 public:
  /// `order`: each item once, else std::invalid_argument.
  explicit EpochPlaces(std::span<const std::int64_t> order);

  std::size_t items() const { return item_at_.size(); }
  /// The item that has come `age` items before another one; 0: that one itself. Before the first comes the last.
  std::size_t before(std::size_t item, std::int64_t age) const;

 private:
  std::vector<std::uint32_t> item_at_;
  std::vector<std::uint32_t> place_of_;
};

}  // namespace penstock::transform
