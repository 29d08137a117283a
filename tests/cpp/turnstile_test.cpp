#include "base/turnstile.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

namespace penstock::base {
namespace {

const auto kAll = [](std::size_t /*number*/, int /*item*/) { return true; };
const auto kNone = [](std::size_t /*number*/, int /*item*/) { return false; };

TEST(Turnstile, LetsItemsThroughInTheOrderOfTheirNumbers) {
  Turnstile<int> turnstile(3);
  turnstile.arrive(2, 12);
  turnstile.arrive(1, 11);
  EXPECT_FALSE(turnstile.pass(kAll)) << "the first has not come";
  turnstile.arrive(0, 10);
  for (const int item : {10, 11, 12}) EXPECT_EQ(turnstile.pass(kAll), item);
  EXPECT_FALSE(turnstile.pass(kAll));
}

TEST(Turnstile, KeepsWhatIsNotAdmitted) {
  Turnstile<int> turnstile(2);
  turnstile.arrive(0, 10);
  turnstile.arrive(1, 11);
  EXPECT_FALSE(turnstile.pass(kNone));
  const auto first_alone = [](std::size_t number, int /*item*/) { return number == 0; };
  EXPECT_EQ(turnstile.pass(first_alone), 10);
  EXPECT_FALSE(turnstile.pass(first_alone));
  EXPECT_EQ(turnstile.pass(kAll), 11);
}

TEST(Turnstile, DoesNotWaitForWhatWillNotCome) {
  Turnstile<int> turnstile(3);
  turnstile.arrive(1, 11);
  turnstile.skip(0);
  turnstile.skip(2);
  EXPECT_EQ(turnstile.pass(kAll), 11);
  EXPECT_FALSE(turnstile.pass(kAll));
  turnstile.arrive(3, 13);
  EXPECT_EQ(turnstile.pass(kAll), 13);
}

TEST(Turnstile, HoldsNothingThatHasPassed) {
  Turnstile<std::shared_ptr<int>> turnstile(1);
  const auto item = std::make_shared<int>(1);
  turnstile.arrive(0, item);
  EXPECT_EQ(item.use_count(), 2);
  turnstile.pass([](std::size_t, const std::shared_ptr<int>&) { return true; });
  EXPECT_EQ(item.use_count(), 1);
}

TEST(Turnstile, ManyThreadsPassEachItemOnceAndInOrder) {
  constexpr std::size_t kItems = 4000;
  constexpr std::size_t kMost = 4;
  const auto skipped = [](std::size_t number) { return number % 7 == 3; };
  Turnstile<std::size_t> turnstile(kMost);
  std::atomic<std::size_t> through{0};  // no number below it is still to pass
  std::vector<std::size_t> order;
  std::vector<std::thread> threads;
  for (std::size_t mine = 0; mine < kMost; ++mine) {
    threads.emplace_back([&, mine] {
      for (std::size_t number = mine; number < kItems; number += kMost) {
        while (number >= through + kMost) std::this_thread::yield();
        if (skipped(number)) {
          turnstile.skip(number);
        } else {
          turnstile.arrive(number, number);
        }
        const auto admit = [&](std::size_t passing, std::size_t item) {
          EXPECT_EQ(passing, item);
          order.push_back(item);
          through = passing;
          return true;
        };
        while (turnstile.pass(admit)) continue;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::vector<std::size_t> expected;
  for (std::size_t number = 0; number < kItems; ++number) {
    if (!skipped(number)) expected.push_back(number);
  }
  EXPECT_EQ(order, expected);
}

}  // namespace
}  // namespace penstock::base
