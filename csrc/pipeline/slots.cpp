#include "pipeline/slots.h"

#include <algorithm>

namespace penstock::pipeline {

Slots Slots::of(const TensorSource& source, std::span<const std::int64_t> indices) {
  Slots slots;
  for (const std::int64_t index : indices) {
    const auto [begin, end] = source.items_of(index);
    for (std::int64_t item = begin; item < end; ++item) slots.items.push_back(item);
    slots.ends.push_back(slots.items.size());
  }
  return slots;
}

std::size_t Slots::position_of(std::size_t slot) const {
  return static_cast<std::size_t>(std::upper_bound(ends.begin(), ends.end(), slot) - ends.begin());
}

}  // namespace penstock::pipeline
