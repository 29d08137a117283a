#include "transform/steps/epoch_places.h"

#include <limits>
#include <stdexcept>

namespace penstock::transform {

EpochPlaces::EpochPlaces(std::span<const std::int64_t> order) : item_at_(order.size()), place_of_(order.size()) {
  constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();
  if (order.size() >= kNone) throw std::invalid_argument("there are too many items");
  place_of_.assign(order.size(), kNone);
  for (std::size_t place = 0; place < order.size(); ++place) {
    const auto item = static_cast<std::uint64_t>(order[place]);
    if (item >= order.size() || place_of_[item] != kNone) {
      throw std::invalid_argument("the order of an epoch has each item once");
    }
    item_at_[place] = static_cast<std::uint32_t>(item);
    place_of_[item] = static_cast<std::uint32_t>(place);
  }
}

std::size_t EpochPlaces::before(std::size_t item, std::int64_t age) const {
  const std::size_t back = static_cast<std::size_t>(age) % items();
  return item_at_[(place_of_[item] + items() - back) % items()];
}

}  // namespace penstock::transform
