#include "base/stats.h"

#include <gtest/gtest.h>

#include <thread>

namespace penstock::base {
namespace {

using std::chrono::milliseconds;

constexpr std::uint64_t ns(milliseconds duration) {
  return static_cast<std::uint64_t>(std::chrono::nanoseconds(duration).count());
}

TEST(SplitTimer, SetsItsPartsApart) {
  std::atomic<std::uint64_t> parts{0};
  std::atomic<std::uint64_t> rest{0};
  const auto start = std::chrono::steady_clock::now();
  {
    SplitTimer timer(parts, rest);
    for (int i = 0; i < 3; ++i) {
      const SplitTimer::Part part(timer);
      std::this_thread::sleep_for(milliseconds(10));
    }
    std::this_thread::sleep_for(milliseconds(5));
  }
  const auto whole = std::chrono::steady_clock::now() - start;
  EXPECT_GE(parts, ns(milliseconds(30)));
  EXPECT_GE(rest, ns(milliseconds(5)));
  EXPECT_LE(parts + rest, static_cast<std::uint64_t>(std::chrono::nanoseconds(whole).count()));
}

TEST(SplitTimer, CountsAPartThatThrows) {
  std::atomic<std::uint64_t> parts{0};
  std::atomic<std::uint64_t> rest{0};
  const auto fail = [&] {
    SplitTimer timer(parts, rest);
    const SplitTimer::Part part(timer);
    std::this_thread::sleep_for(milliseconds(2));
    throw 1;
  };
  EXPECT_THROW(fail(), int);
  EXPECT_GE(parts, ns(milliseconds(2)));
}

}  // namespace
}  // namespace penstock::base
