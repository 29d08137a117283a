#include "base/ordered_results.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <vector>

#include "base/thread_pool.h"

namespace penstock::base {
namespace {

using Results = OrderedResults<std::unique_ptr<int>>;

const std::function<void()> kNoInterrupt = [] {};

std::unique_ptr<int> result(std::size_t number) { return std::make_unique<int>(static_cast<int>(number)); }

std::exception_ptr error() { return std::make_exception_ptr(std::runtime_error("bad")); }

TEST(OrderedResults, ComeInTheOrderOfTheirNumbers) {
  Results results(3, 3, AfterError::kEnd, "closed");
  for (std::size_t number = 0; number < 3; ++number) EXPECT_EQ(results.begin(), number);
  for (const std::size_t number : {2, 0, 1}) results.put(number, result(number));
  for (int number = 0; number < 3; ++number) EXPECT_EQ(**results.take(kNoInterrupt), number);
  EXPECT_FALSE(results.take(kNoInterrupt));
  EXPECT_FALSE(results.take(kNoInterrupt));
}

TEST(OrderedResults, NoMoreAreBegunThanThereIsRoomFor) {
  Results results(4, 2, AfterError::kEnd, "closed");
  EXPECT_EQ(results.begin(), 0U);
  EXPECT_EQ(results.begin(), 1U);
  EXPECT_FALSE(results.begin());
  results.put(1, result(1));
  EXPECT_FALSE(results.begin());
  results.put(0, result(0));
  results.take(kNoInterrupt);
  EXPECT_EQ(results.begin(), 2U);
  EXPECT_FALSE(results.begin());
  results.take(kNoInterrupt);
  EXPECT_EQ(results.begin(), 3U);
  results.put(2, result(2));
  results.take(kNoInterrupt);
  EXPECT_FALSE(results.begin()) << "all were begun";
}

TEST(OrderedResults, OfNothingTheEndComesFirst) {
  Results results(0, 1, AfterError::kEnd, "closed");
  EXPECT_FALSE(results.begin());
  EXPECT_FALSE(results.take(kNoInterrupt));
  results.close();
  EXPECT_FALSE(results.take(kNoInterrupt));
}

TEST(OrderedResults, AnErrorComesInItsTurnAndIsTheEnd) {
  Results results(3, 3, AfterError::kEnd, "closed");
  while (results.begin()) continue;
  results.fail(1, error());
  results.put(2, result(2));
  results.put(0, result(0));
  EXPECT_TRUE(results.take(kNoInterrupt));
  EXPECT_FALSE(results.ended());
  EXPECT_THROW(results.take(kNoInterrupt), std::runtime_error);
  EXPECT_TRUE(results.ended());
  EXPECT_FALSE(results.take(kNoInterrupt));
  EXPECT_FALSE(results.begin());
}

TEST(OrderedResults, WhereOthersFollowAnErrorIsOneOfThem) {
  Results results(3, 3, AfterError::kGoOn, "closed");
  while (results.begin()) continue;
  results.fail(0, error());
  results.put(1, result(1));
  results.fail(2, error());
  EXPECT_THROW(results.take(kNoInterrupt), std::runtime_error);
  EXPECT_EQ(**results.take(kNoInterrupt), 1);
  EXPECT_THROW(results.take(kNoInterrupt), std::runtime_error);
  EXPECT_FALSE(results.take(kNoInterrupt));
  EXPECT_FALSE(results.ended());
}

TEST(OrderedResults, ClosingDropsWhatIsThereAndWhatComes) {
  OrderedResults<std::shared_ptr<int>> results(4, 3, AfterError::kEnd, "it is closed");
  while (results.begin()) continue;
  const auto there = std::make_shared<int>(0);
  const auto comes = std::make_shared<int>(1);
  results.put(0, there);
  results.close();
  results.close();
  results.put(1, comes);
  results.fail(2, error());
  EXPECT_EQ(there.use_count(), 1);
  EXPECT_EQ(comes.use_count(), 1);
  EXPECT_FALSE(results.begin());
  EXPECT_TRUE(results.ended());
  for (int i = 0; i < 2; ++i) {
    try {
      results.take(kNoInterrupt);
      ADD_FAILURE();
    } catch (const Error& closed) {
      EXPECT_EQ(closed.kind(), ErrorKind::kClosed);
      EXPECT_EQ(closed.cause(), "it is closed");
    }
  }
}

TEST(OrderedResults, AnInterruptionDoesNoHarm) {
  struct Stop {};
  Results results(1, 1, AfterError::kEnd, "closed");
  results.begin();
  EXPECT_THROW(results.take([] { throw Stop(); }), Stop);
  results.put(0, result(0));
  EXPECT_TRUE(results.take(kNoInterrupt));
}

TEST(OrderedResults, ClosingWakesAllThatWait) {
  Results results(1, 1, AfterError::kEnd, "closed");
  results.begin();
  std::vector<std::thread> waiting;
  for (int i = 0; i < 3; ++i) {
    waiting.emplace_back([&] { EXPECT_THROW(results.take(kNoInterrupt), Error); });
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  results.close();
  for (std::thread& thread : waiting) thread.join();
}

TEST(OrderedResults, ManyThreadsPutAndManyTake) {
  constexpr std::size_t kCount = 2000;
  constexpr int kTakers = 3;
  Results results(kCount, 7, AfterError::kGoOn, "closed");
  ThreadPool workers("worker", 4);
  std::mutex mutex;
  std::vector<int> taken;
  std::size_t errors = 0;
  const auto begin = [&] {
    while (const std::optional<std::size_t> number = results.begin()) {
      workers.submit([&results, number = *number] {
        number % 10 == 3 ? results.fail(number, error()) : results.put(number, result(number));
      });
    }
  };
  begin();
  const auto take = [&] {
    int last = -1;
    for (;;) {
      try {
        const std::optional<std::unique_ptr<int>> one = results.take(kNoInterrupt);
        if (!one) return;
        EXPECT_GT(**one, last);
        last = **one;
        const std::lock_guard lock(mutex);
        taken.push_back(last);
      } catch (const std::runtime_error&) {
        const std::lock_guard lock(mutex);
        ++errors;
      }
      begin();
    }
  };
  std::vector<std::thread> takers;
  for (int i = 0; i < kTakers; ++i) takers.emplace_back(take);
  for (std::thread& taker : takers) taker.join();
  EXPECT_EQ(errors, kCount / 10);
  EXPECT_EQ(taken.size() + errors, kCount);
  std::sort(taken.begin(), taken.end());
  EXPECT_EQ(std::unique(taken.begin(), taken.end()), taken.end());
}

}  // namespace
}  // namespace penstock::base
