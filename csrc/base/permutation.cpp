#include "base/permutation.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <limits>
#include <numeric>
#include <utility>

namespace penstock::base {
namespace {

/// So many places are drawn before the first of them is used: their memory is on its way then. What is drawn does not
/// depend on what is swapped.
constexpr std::size_t kDrawnAhead = 128;

/// The stream in 32-bit numbers, the lower half of each word first, as numpy takes them.
class Halves {
 public:
  explicit Halves(Philox& stream) : stream_(stream) {}

  std::uint32_t next() {
    if (std::exchange(has_upper_, false)) return upper_;
    const std::uint64_t word = stream_.next();
    upper_ = static_cast<std::uint32_t>(word >> 32);
    has_upper_ = true;
    return static_cast<std::uint32_t>(word);
  }

  /// In [0, last], all equally likely: of as many bits as `last` has, drawn until it is one of these.
  std::uint32_t up_to(std::uint32_t last) {
    const std::uint32_t mask = std::numeric_limits<std::uint32_t>::max() >> std::countl_zero(last);
    for (;;) {
      if (const std::uint32_t drawn = next() & mask; drawn <= last) return drawn;
    }
  }

 private:
  Philox& stream_;
  std::uint32_t upper_ = 0;
  bool has_upper_ = false;
};

}  // namespace

void permute(Philox stream, std::span<std::int64_t> numbers) noexcept {
  std::iota(numbers.begin(), numbers.end(), 0);
  Halves halves(stream);
  std::array<std::size_t, kDrawnAhead> others{};
  // From the last place down, each is swapped with one of those up to it.
  for (std::size_t places = numbers.size(); places > 1;) {
    const std::size_t count = std::min(kDrawnAhead, places - 1);
    for (std::size_t i = 0; i < count; ++i) {
      others[i] = halves.up_to(static_cast<std::uint32_t>(places - 1 - i));
      __builtin_prefetch(&numbers[others[i]], 1);
    }
    for (std::size_t i = 0; i < count; ++i) std::swap(numbers[places - 1 - i], numbers[others[i]]);
    places -= count;
  }
}

}  // namespace penstock::base
