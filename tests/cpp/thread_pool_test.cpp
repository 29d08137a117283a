#include "base/thread_pool.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <memory>
#include <numeric>
#include <set>
#include <vector>

#include "support/threads.h"

namespace penstock::base {
namespace {

TEST(ThreadPool, RunsTasksInTheOrderOfSubmission) {
  ThreadPool pool("order", 1);
  std::vector<int> seen;
  std::promise<void> done;
  for (int i = 0; i < 100; ++i) pool.submit([&seen, i] { seen.push_back(i); });
  pool.submit([&] { done.set_value(); });
  done.get_future().wait();
  std::vector<int> expected(100);
  std::iota(expected.begin(), expected.end(), 0);
  EXPECT_EQ(seen, expected);
}

TEST(ThreadPool, RunsEachTaskOnce) {
  ThreadPool pool("once", 4);
  constexpr int kTasks = 2000;
  std::vector<std::atomic<int>> runs(kTasks);
  std::atomic<int> finished{0};
  for (int i = 0; i < kTasks; ++i) {
    pool.submit([&, i] {
      ++runs[static_cast<std::size_t>(i)];
      ++finished;
    });
  }
  ASSERT_TRUE(test::eventually([&] { return finished == kTasks; }));
  for (const auto& count : runs) EXPECT_EQ(count, 1);
}

TEST(ThreadPool, NamesItsThreads) {
  ThreadPool pool("penstock-test", 3);
  EXPECT_EQ(pool.size(), 3U);
  std::set<std::string> names;
  for (const std::string& name : test::thread_names()) {
    if (name.starts_with("penstock-test")) names.insert(name);
  }
  EXPECT_EQ(names, (std::set<std::string>{"penstock-test-0", "penstock-test-1", "penstock-test-2"}));
}

TEST(ThreadPool, CutsLongNamesToWhatTheKernelTakes) {
  ThreadPool pool("a-name-of-more-than-fifteen", 1);
  bool found = false;
  for (const std::string& name : test::thread_names()) found = found || name == "a-name-of-more-";
  EXPECT_TRUE(found);
}

TEST(ThreadPool, ItsThreadsTakeNoSignals) {
  sigset_t before;
  pthread_sigmask(SIG_BLOCK, nullptr, &before);
  ThreadPool pool("signals", 1);
  std::promise<sigset_t> inside;
  pool.submit([&] {
    sigset_t mask;
    pthread_sigmask(SIG_BLOCK, nullptr, &mask);
    inside.set_value(mask);
  });
  const sigset_t mask = inside.get_future().get();
  sigset_t after;
  pthread_sigmask(SIG_BLOCK, nullptr, &after);
  for (const int signal : {SIGINT, SIGTERM, SIGUSR1, SIGALRM, SIGCHLD}) {
    EXPECT_EQ(sigismember(&mask, signal), 1) << "signal " << signal;
    EXPECT_EQ(sigismember(&after, signal), sigismember(&before, signal)) << "the caller's own mask is as it was";
  }
}

TEST(ThreadPool, StopDropsQueuedTasksAndWaitsForTheRunningOne) {
  ThreadPool pool("stop", 1);
  std::promise<void> started;
  std::promise<void> release;
  std::atomic<bool> finished{false};
  std::atomic<bool> queued_ran{false};
  pool.submit([&] {
    started.set_value();
    release.get_future().wait();
    finished = true;
  });
  const auto owned_by_queue = std::make_shared<int>(1);
  pool.submit([&, owned_by_queue] { queued_ran = true; });
  started.get_future().wait();
  std::thread stopper([&] { pool.stop(); });
  // Once stop() has begun, a task that comes is freed at once.
  EXPECT_TRUE(test::eventually([&] {
    const auto probe = std::make_shared<int>(1);
    pool.submit([probe] {});
    return probe.use_count() == 1;
  }));
  release.set_value();
  stopper.join();
  EXPECT_TRUE(finished);
  EXPECT_FALSE(queued_ran);
  EXPECT_EQ(owned_by_queue.use_count(), 1) << "what a dropped task owns is freed";
}

TEST(ThreadPool, StopIsIdempotentAndSubmitIsThenWithoutEffect) {
  ThreadPool pool("again", 2);
  pool.stop();
  pool.stop();
  std::atomic<bool> ran{false};
  pool.submit([&] { ran = true; });
  pool.stop();
  EXPECT_FALSE(ran);
}

TEST(ThreadPool, StopMayBeCalledFromSeveralThreadsAtOnce) {
  for (int round = 0; round < 20; ++round) {
    ThreadPool pool("several", 3);
    std::atomic<int> running{0};
    for (int i = 0; i < 6; ++i) {
      pool.submit([&] {
        ++running;
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
        --running;
      });
    }
    std::vector<std::thread> stoppers;
    for (int i = 0; i < 4; ++i) {
      stoppers.emplace_back([&] {
        pool.stop();
        EXPECT_EQ(running, 0) << "stop() returned while a task was running";
      });
    }
    for (std::thread& stopper : stoppers) stopper.join();
  }
}

TEST(ThreadPool, ATaskMaySubmitAnother) {
  ThreadPool pool("chain", 2);
  std::promise<void> done;
  pool.submit([&] { pool.submit([&] { done.set_value(); }); });
  EXPECT_EQ(done.get_future().wait_for(std::chrono::seconds(10)), std::future_status::ready);
}

TEST(ThreadPool, ItsThreadsEndWithIt) {
  const auto alive = [] {
    const auto names = test::thread_names();
    return std::count_if(names.begin(), names.end(), [](const auto& name) { return name.starts_with("brief-"); });
  };
  {
    const ThreadPool pool("brief", 4);
    EXPECT_EQ(alive(), 4);
  }
  EXPECT_TRUE(test::eventually([&] { return alive() == 0; }));
}

}  // namespace
}  // namespace penstock::base
