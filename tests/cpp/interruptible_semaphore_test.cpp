#include "base/interruptible_semaphore.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>

#include <atomic>
#include <chrono>
#include <thread>

namespace penstock::base {
namespace {

using Clock = std::chrono::steady_clock;

TEST(InterruptibleSemaphore, CountsPosts) {
  InterruptibleSemaphore semaphore;
  semaphore.post();
  semaphore.post();
  EXPECT_TRUE(semaphore.wait());
  EXPECT_TRUE(semaphore.wait());
}

TEST(InterruptibleSemaphore, APostWakesAWaitingThread) {
  InterruptibleSemaphore semaphore;
  std::thread poster([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    semaphore.post();
  });
  while (!semaphore.wait()) {
  }
  poster.join();
}

TEST(InterruptibleSemaphore, ReturnsFalseAfterAWhileOfNothing) {
  InterruptibleSemaphore semaphore;
  const auto start = Clock::now();
  EXPECT_FALSE(semaphore.wait());
  const auto elapsed = Clock::now() - start;
  EXPECT_GE(elapsed, std::chrono::milliseconds(90));
  EXPECT_LT(elapsed, std::chrono::seconds(5));
}

/// Signals with and without SA_RESTART: some runtimes install the one, some the other.
class SemaphoreAndSignals : public testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    struct sigaction action{};
    action.sa_handler = [](int) { handled_ = true; };
    action.sa_flags = GetParam();
    sigaction(SIGUSR1, &action, &before_);
    handled_ = false;
  }
  void TearDown() override { sigaction(SIGUSR1, &before_, nullptr); }

  static std::atomic<bool> handled_;

 private:
  struct sigaction before_{};
};

std::atomic<bool> SemaphoreAndSignals::handled_{false};

TEST_P(SemaphoreAndSignals, ASignalEndsTheWaitAtOnce) {
  InterruptibleSemaphore semaphore;
  const pthread_t waiting = pthread_self();
  const auto start = Clock::now();
  std::thread sender([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    pthread_kill(waiting, SIGUSR1);
  });
  EXPECT_FALSE(semaphore.wait());
  const auto elapsed = Clock::now() - start;
  sender.join();
  EXPECT_TRUE(handled_);
  EXPECT_LT(elapsed, std::chrono::milliseconds(800)) << "not the second's deadline";
}

INSTANTIATE_TEST_SUITE_P(Flags, SemaphoreAndSignals, testing::Values(0, SA_RESTART));

}  // namespace
}  // namespace penstock::base
