#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>

#include "pipeline/epoch.h"
#include "pipeline/loader.h"
#include "support/dataset.h"
#include "support/expect_error.h"
#include "support/threads.h"

namespace penstock::pipeline {
namespace {

using Clock = std::chrono::steady_clock;

class LoaderStop : public testing::Test {
 protected:
  ~LoaderStop() override {
    loader_.reset();
    EXPECT_TRUE(test::eventually([] { return test::penstock_threads() == 0; })) << "threads are left";
  }

  std::shared_ptr<Epoch> start(std::size_t batch_size = 4) {
    return loader_->start(test::in_order(40), test::batch_ends(40, batch_size));
  }
  /// Reads of the first images wait until they are let through.
  void hold_first_chunk() { dataset_.store->hold(dataset_.chunk_of(0, 0)); }
  void open_first_chunk() { dataset_.store->open(dataset_.chunk_of(0, 0)); }

  test::Dataset dataset_ = test::make_dataset();
  std::unique_ptr<Loader> loader_ = test::make_loader(dataset_);
};

TEST_F(LoaderStop, ItsThreadsAreNamedAndEndWithIt) {
  EXPECT_EQ(test::penstock_threads(), 4U);
  loader_.reset();
  EXPECT_TRUE(test::eventually([] { return test::penstock_threads() == 0; }));
}

TEST_F(LoaderStop, AnEpochMayBeLeftAtAnyBatch) {
  for (int taken = 0; taken < 10; ++taken) {
    const auto epoch = start();
    for (int i = 0; i < taken; ++i) test::expect_sound(dataset_, *epoch->next(test::kNoInterrupt));
    if (taken % 2 == 0) epoch->close();
  }
  EXPECT_EQ(test::run_epoch(dataset_, *start()).size(), 10U);
}

TEST_F(LoaderStop, AClosedEpochSaysSo) {
  const auto epoch = start();
  epoch->close();
  epoch->close();
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(test::kind_of([&] { epoch->next(test::kNoInterrupt); }), base::ErrorKind::kClosed);
  }
}

TEST_F(LoaderStop, ClosingFromAnotherThreadWakesAWaitingNextAtOnce) {
  hold_first_chunk();
  const auto epoch = start();
  std::thread closer([&] {
    dataset_.store->await_read(dataset_.chunk_of(0, 0));
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    epoch->close();
  });
  const auto begin = Clock::now();
  EXPECT_EQ(test::kind_of([&] { epoch->next(test::kNoInterrupt); }), base::ErrorKind::kClosed);
  EXPECT_LT(Clock::now() - begin, std::chrono::milliseconds(900)) << "not by the semaphore's deadline";
  closer.join();
  open_first_chunk();
}

TEST_F(LoaderStop, ClosingWakesEveryWaitingNext) {
  hold_first_chunk();
  const auto epoch = start();
  std::atomic<int> woken{0};
  std::vector<std::thread> consumers;
  for (int i = 0; i < 3; ++i) {
    consumers.emplace_back([&] {
      EXPECT_EQ(test::kind_of([&] { epoch->next(test::kNoInterrupt); }), base::ErrorKind::kClosed);
      ++woken;
    });
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  const auto begin = Clock::now();
  epoch->close();
  for (std::thread& consumer : consumers) consumer.join();
  EXPECT_LT(Clock::now() - begin, std::chrono::milliseconds(500));
  EXPECT_EQ(woken, 3);
  open_first_chunk();
}

TEST_F(LoaderStop, AnInterruptEndsTheWaitAndTheEpochGoesOnUnharmed) {
  hold_first_chunk();
  const auto epoch = start();
  struct sigaction action{};
  struct sigaction before{};
  action.sa_handler = [](int) {};
  sigaction(SIGUSR1, &action, &before);
  const pthread_t waiting = pthread_self();
  std::thread sender([&] {
    dataset_.store->await_read(dataset_.chunk_of(0, 0));
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    pthread_kill(waiting, SIGUSR1);
  });
  const auto begin = Clock::now();
  EXPECT_THROW(epoch->next([] { throw std::runtime_error("interrupted"); }), std::runtime_error);
  EXPECT_LT(Clock::now() - begin, std::chrono::milliseconds(900));
  sender.join();
  sigaction(SIGUSR1, &before, nullptr);
  open_first_chunk();
  EXPECT_EQ(test::run_epoch(dataset_, *epoch).size(), 10U);
}

TEST_F(LoaderStop, ASignalThatMeansNothingDoesNotEndTheWait) {
  hold_first_chunk();
  const auto epoch = start();
  int calls = 0;
  const auto batch = epoch->next([&] {
    if (++calls == 1) open_first_chunk();
  });
  EXPECT_GE(calls, 1);
  ASSERT_TRUE(batch);
  test::expect_sound(dataset_, *batch);
}

TEST_F(LoaderStop, StoppingEndsEpochsAndLaterStartsAreRefused) {
  const auto epoch = start();
  loader_->stop();
  loader_->stop();
  EXPECT_EQ(test::kind_of([&] { epoch->next(test::kNoInterrupt); }), base::ErrorKind::kClosed);
  EXPECT_EQ(test::kind_of([&] { start(); }), base::ErrorKind::kClosed);
  EXPECT_TRUE(test::eventually([] { return test::penstock_threads() == 0; }));
}

TEST_F(LoaderStop, StoppingFromAnotherThreadWakesAWaitingNext) {
  dataset_.store->slow_down(std::chrono::milliseconds(50));
  const auto epoch = start();
  std::thread stopper([&] {
    dataset_.store->await_read(dataset_.chunk_of(0, 0));
    loader_->stop();
  });
  EXPECT_EQ(test::kind_of([&] {
              while (epoch->next(test::kNoInterrupt)) {
              }
            }),
            base::ErrorKind::kClosed);
  stopper.join();
}

TEST_F(LoaderStop, SeveralThreadsMayStopItAtOnce) {
  dataset_.store->slow_down(std::chrono::milliseconds(5));
  const auto epoch = start(1);
  std::vector<std::thread> stoppers;
  for (int i = 0; i < 4; ++i) stoppers.emplace_back([&] { loader_->stop(); });
  for (std::thread& stopper : stoppers) stopper.join();
  EXPECT_TRUE(test::eventually([] { return test::penstock_threads() == 0; }));
}

TEST_F(LoaderStop, DestroyingItWhileReadsAreSlowWaitsForOneReadAndNoMore) {
  dataset_.store->slow_down(std::chrono::milliseconds(100));
  std::vector<std::shared_ptr<Epoch>> epochs;
  for (int i = 0; i < 5; ++i) epochs.push_back(start(8));
  dataset_.store->await_read(dataset_.chunk_of(0, 0));
  const auto begin = Clock::now();
  loader_.reset();
  EXPECT_LT(Clock::now() - begin, std::chrono::milliseconds(600)) << "more than the reads that had begun";
  EXPECT_TRUE(test::eventually([] { return test::penstock_threads() == 0; }));
}

TEST_F(LoaderStop, AClosedEpochStopsReading) {
  dataset_.store->slow_down(std::chrono::milliseconds(5));
  const auto epoch = start(1);
  dataset_.store->await_read(dataset_.chunk_of(0, 0));
  epoch->close();
  // Another epoch gets the threads: its batches show that the closed one's work is through.
  test::run_epoch(dataset_, *loader_->start({39}, {1}));
  const unsigned reads = dataset_.store->reads();
  EXPECT_LT(reads, 6U);
}

TEST_F(LoaderStop, ManyShortLivesLeaveNothingBehind) {
  for (unsigned round = 0; round < 30; ++round) {
    LoaderOptions options;
    options.threads = 1 + round % 3;
    options.prefetch = 1 + round % 4;
    loader_ = test::make_loader(dataset_, options);
    const auto epoch = start(1 + round % 5);
    for (unsigned i = 0; i < round % 6; ++i) epoch->next(test::kNoInterrupt);
    if (round % 3 == 0) epoch->close();
    loader_.reset();
  }
}

}  // namespace
}  // namespace penstock::pipeline
