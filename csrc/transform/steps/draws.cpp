#include "transform/steps/draws.h"

namespace penstock::transform {

std::size_t Draws::weighted(const std::vector<double>& weights) {
  std::vector<double> cumulated(weights.size());
  std::partial_sum(weights.begin(), weights.end(), cumulated.begin());
  const double drawn = random();
  for (std::size_t i = 0; i < cumulated.size(); ++i) {
    // Divided, not multiplied out: numpy divides, and the last bit decides.
    if (cumulated[i] / cumulated.back() > drawn) return i;
  }
  return cumulated.size() - 1;
}

std::int64_t Draws::lasting(double share) {
  const double left = 1.0 - random();
  std::int64_t rounds = 0;
  // Multiplied one by one: Python does, and a power may differ in the last bit.
  for (double most = share; left <= most; most *= share) ++rounds;
  return rounds;
}

std::vector<std::size_t> Draws::permutation(std::size_t length) {
  std::vector<std::size_t> order(length);
  std::iota(order.begin(), order.end(), std::size_t{0});
  for (std::size_t last = length; last-- > 1;) {
    std::swap(order[last], order[static_cast<std::size_t>(randint(0, static_cast<std::int64_t>(last) + 1))]);
  }
  return order;
}

}  // namespace penstock::transform
