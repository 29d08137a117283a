#include "base/philox.h"

namespace penstock::base {
namespace {

// The constants of the paper, table 2 and section 3.2.
constexpr std::uint64_t kMultiplier0 = 0xD2E7470EE14C6C93;
constexpr std::uint64_t kMultiplier1 = 0xCA5A826395121157;
constexpr std::uint64_t kWeyl0 = 0x9E3779B97F4A7C15;
constexpr std::uint64_t kWeyl1 = 0xBB67AE8584CAA73B;
constexpr int kRounds = 10;

__extension__ using Wide = unsigned __int128;

}  // namespace

std::uint64_t Philox::next() {
  if (used_ == block_.size()) refill();
  return block_[used_++];
}

void Philox::refill() {
  // numpy counts up before it draws.
  for (std::uint64_t& word : counter_) {
    if (++word != 0) break;
  }
  Block x = counter_;
  std::array<std::uint64_t, 2> key = key_;
  for (int round = 0; round < kRounds; ++round) {
    const Wide product0 = Wide{kMultiplier0} * x[0];
    const Wide product1 = Wide{kMultiplier1} * x[2];
    x = {static_cast<std::uint64_t>(product1 >> 64) ^ x[1] ^ key[0], static_cast<std::uint64_t>(product1),
         static_cast<std::uint64_t>(product0 >> 64) ^ x[3] ^ key[1], static_cast<std::uint64_t>(product0)};
    key[0] += kWeyl0;
    key[1] += kWeyl1;
  }
  block_ = x;
  used_ = 0;
}

}  // namespace penstock::base
