#include "base/thread_pool.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <future>
#include <memory>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
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

TEST(ThreadPool, RunsWhatNobodyWantsYetLast) {
  ThreadPool pool("last", 1);
  std::promise<void> begin;
  std::promise<void> done;
  std::string seen;
  pool.submit([&] { begin.get_future().wait(); });
  const auto note = [&seen](char letter) { return [&seen, letter] { seen += letter; }; };
  pool.submit(note('e'), ThreadPool::Turn::kLast);
  pool.submit(note('c'));
  pool.submit(note('a'), ThreadPool::Turn::kUrgent);
  pool.submit(note('d'));
  pool.submit(note('b'), ThreadPool::Turn::kUrgent);
  pool.submit([&] { done.set_value(); }, ThreadPool::Turn::kLast);
  begin.set_value();
  done.get_future().wait();
  EXPECT_EQ(seen, "abcde");
}

TEST(ThreadPool, WhatIsWantedNowFollowsWhatIsDoneInOrder) {
  ThreadPool pool("promote", 1);
  std::promise<void> begin;
  std::promise<void> done;
  std::string seen;
  pool.submit([&] { begin.get_future().wait(); });
  const auto note = [&seen](char letter) { return [&seen, letter] { seen += letter; }; };
  pool.submit(note('b'), ThreadPool::Turn::kLast);
  pool.submit(note('a'));
  pool.promote_last();
  pool.submit(note('c'));
  pool.submit([&] { done.set_value(); });
  begin.set_value();
  done.get_future().wait();
  EXPECT_EQ(seen, "abc");
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

/// The signals that a thread of the pool blocks.
sigset_t mask_within(ThreadPool& pool) {
  std::promise<sigset_t> inside;
  pool.submit([&] {
    sigset_t mask;
    pthread_sigmask(SIG_BLOCK, nullptr, &mask);
    inside.set_value(mask);
  });
  return inside.get_future().get();
}

TEST(ThreadPool, ItsThreadsTakeNoSignals) {
  sigset_t before;
  pthread_sigmask(SIG_BLOCK, nullptr, &before);
  ThreadPool pool("signals", 1);
  const sigset_t mask = mask_within(pool);
  sigset_t after;
  pthread_sigmask(SIG_BLOCK, nullptr, &after);
  for (const int signal : {SIGINT, SIGTERM, SIGUSR1, SIGALRM, SIGCHLD}) {
    EXPECT_EQ(sigismember(&mask, signal), 1) << "signal " << signal;
    EXPECT_EQ(sigismember(&after, signal), sigismember(&before, signal)) << "the caller's own mask is as it was";
  }
}

TEST(ThreadPool, ItsThreadsTakeTheSignalsOfTheirOwnFaults) {
  ThreadPool pool("faults", 1);
  const sigset_t mask = mask_within(pool);
  for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT}) {
    EXPECT_EQ(sigismember(&mask, signal), 0) << "signal " << signal;
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

/// A task that runs until it is let go of.
class Held {
 public:
  explicit Held(ThreadPool& pool) {
    pool.submit([started = started_, release = release_.get_future().share()] {
      started->set_value();
      release.wait();
    });
    started_->get_future().wait();
  }
  void let_go() { release_.set_value(); }

 private:
  std::shared_ptr<std::promise<void>> started_ = std::make_shared<std::promise<void>>();
  std::promise<void> release_;
};

TEST(ThreadPool, StopWaitsNoLongerThanItsDeadline) {
  ThreadPool pool("deadline", 2);
  Held task(pool);
  const auto start = std::chrono::steady_clock::now();
  EXPECT_FALSE(pool.stop(start + std::chrono::milliseconds(50)));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
  task.let_go();
  EXPECT_TRUE(pool.stop(std::chrono::steady_clock::now() + std::chrono::seconds(10)));
}

TEST(ThreadPool, AnAbandonedThreadOwnsThePoolUntilItEnds) {
  struct Owner {
    std::atomic<bool>& gone;
    ThreadPool pool{"left", 3};
    ~Owner() { gone = true; }
  };
  std::atomic<bool> gone{false};
  auto owner = std::make_shared<Owner>(gone);
  Held task(owner->pool);
  owner->pool.abandon(owner);
  const auto start = std::chrono::steady_clock::now();
  EXPECT_FALSE(owner->pool.stop(start + std::chrono::seconds(30))) << "the task still runs";
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10)) << "nobody waits for it twice";
  owner.reset();
  EXPECT_FALSE(gone);
  task.let_go();
  EXPECT_TRUE(test::eventually([&] { return gone.load(); }));
}

TEST(ThreadPool, APoolWithoutWorkThatIsAbandonedGoesAtOnceOrWithItsThreads) {
  for (int round = 0; round < 100; ++round) {
    struct Owner {
      std::atomic<int>& alive;
      ThreadPool pool{"idle", 3};
      explicit Owner(std::atomic<int>& count) : alive(count) { ++alive; }
      ~Owner() { --alive; }
    };
    std::atomic<int> alive{0};
    auto owner = std::make_shared<Owner>(alive);
    owner->pool.abandon(owner);
    owner.reset();
    ASSERT_TRUE(test::eventually([&] { return alive == 0; }));
  }
}

TEST(ThreadPool, APoolMayBeAbandonedByItsOwnThread) {
  struct Owner {
    std::atomic<bool>& gone;
    ThreadPool pool{"own", 2};
    ~Owner() { gone = true; }
  };
  std::atomic<bool> gone{false};
  auto owner = std::make_shared<Owner>(gone);
  ThreadPool& pool = owner->pool;
  std::atomic<bool> submitted{false};
  pool.submit([held = std::move(owner), &submitted]() mutable {
    // Who submits holds the pool until submit() has returned.
    while (!submitted) std::this_thread::yield();
    Owner& self = *held;
    self.pool.abandon(held);
    held.reset();
  });
  submitted = true;
  EXPECT_TRUE(test::eventually([&] { return gone.load(); }));
}

TEST(ThreadPool, ThreadsThatCannotBeHadAreATypedErrorAndLeaveNone) {
#ifdef __SANITIZE_THREAD__
  GTEST_SKIP() << "the thread sanitizer's own memory leaves nothing to limit";
#endif
  const pid_t child = fork();
  if (child == 0) {
    // Three stacks fit and a fourth does not, with half a stack to spare: what the C library and a sanitizer map for a
    // thread beside its stack must not be what fails, since a sanitizer ends the process then.
    constexpr rlim_t kStack = rlim_t{256} << 20;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, kStack);
    pthread_setattr_default_np(&attributes);
    std::size_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    const rlim_t now = pages * static_cast<rlim_t>(sysconf(_SC_PAGESIZE));
    const rlimit limit{now + 3 * kStack + kStack / 2, RLIM_INFINITY};
    setrlimit(RLIMIT_AS, &limit);
    int code = 1;
    try {
      const ThreadPool pool("many", 5000, "num_threads");
    } catch (const Error& error) {
      const bool said = error.cause().find("of 5000 threads") != std::string::npos &&
                        error.hint().find("num_threads") != std::string::npos;
      code = error.kind() == ErrorKind::kThreads && said ? 0 : 2;
    }
    if (!test::eventually([] { return test::thread_names().size() == 1; })) code = 3;
    _exit(code);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace penstock::base
