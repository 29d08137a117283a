#pragma once

#include <array>
#include <cstdint>

namespace penstock::base {

/// Random numbers of one sample, or of another purpose: the stream of numpy's Philox (4x64, 10 rounds; Salmon et al.,
/// "Parallel random numbers: as easy as 1, 2, 3", 2011) with key (seed, epoch) and a counter that starts at
/// (0, step, index, purpose).
/// penstock.loading.streams has the same in Python, and says who draws from which stream. Streams of different samples
/// never meet, and each is reached without drawing the others.
class Philox {
 public:
  Philox(std::uint64_t seed, std::uint64_t epoch, std::uint64_t index, std::uint64_t step = 0,
         std::uint64_t purpose = 0)
      : key_{seed, epoch}, counter_{0, step, index, purpose} {}

  std::uint64_t next();

  /// In [0, 1), with 53 bits: what numpy's Generator.random() draws.
  double random() { return static_cast<double>(next() >> 11) * 0x1p-53; }

 private:
  using Block = std::array<std::uint64_t, 4>;

  void refill();

  std::array<std::uint64_t, 2> key_;
  Block counter_;
  Block block_{};
  unsigned used_ = 4;  // of block_
};

}  // namespace penstock::base
