#include "pipeline/slots.h"

#include <algorithm>

namespace penstock::pipeline {

Slots Slots::of(const TensorSource& source, std::span<const std::int64_t> samples) {
  Slots slots;
  for (const std::int64_t sample : samples) slots.append(source, sample);
  return slots;
}

void Slots::append(const TensorSource& source, std::int64_t sample) {
  const auto [begin, end] = source.items_of(sample);
  for (std::int64_t item = begin; item < end; ++item) items.push_back(item);
  ends.push_back(items.size());
}

std::size_t Slots::read_of(std::size_t slot) const {
  return static_cast<std::size_t>(std::upper_bound(ends.begin(), ends.end(), slot) - ends.begin());
}

}  // namespace penstock::pipeline
