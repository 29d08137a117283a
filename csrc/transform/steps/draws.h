#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

#include "base/philox.h"

namespace penstock::transform {

/// The random numbers of one step of one sample; penstock.loading.draws.Draws is the same in Python, method by
/// method. Each is made of doubles u in [0, 1) by the formula that stands with it.
class Draws {
 public:
  explicit Draws(base::Philox generator) : generator_(generator) {}

  double random() { return generator_.random(); }
  /// low + (high - low) * u
  double uniform(double low, double high) { return low + (high - low) * random(); }
  /// low + floor(u * (high - low)): in [low, high)
  std::int64_t randint(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(std::floor(random() * static_cast<double>(high - low)));
  }
  /// The first position whose cumulated share exceeds u.
  std::size_t weighted(const std::vector<double>& weights);
  /// How many n from 1 on there are for which 1 - u is at most share to the power of n; share is below 1.
  std::int64_t lasting(double share);
  /// From the last place down, each is swapped with one of those up to it.
  std::vector<std::size_t> permutation(std::size_t length);

 private:
  base::Philox generator_;
};

/// The random numbers of one sample: a stream of its own for each of its steps. See Note [One stream a step] in
/// penstock/loading/draws.py.
struct Stream {
  std::uint64_t seed = 0;
  std::uint64_t epoch = 0;
  std::uint64_t index = 0;    ///< the sample that was planned
  std::uint32_t attempt = 0;  ///< how many samples were rejected before, in its place
  std::uint16_t part = 0;     ///< 0, or which of the images that are mixed into it

  Draws step(std::size_t number) const {
    const std::uint64_t word = std::uint64_t{attempt} << 32 | std::uint64_t{part} << 16 | (number + 1);
    return Draws(base::Philox(seed, epoch, index, word));
  }
};

}  // namespace penstock::transform
