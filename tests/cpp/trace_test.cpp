#include "base/trace.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <set>
#include <thread>
#include <vector>

#include "base/error.h"

namespace penstock::base::trace {
namespace {

/// What was written is handed out, or thrown away with the test.
class Traces : public testing::Test {
 protected:
  void TearDown() override { stop(); }
};

void write_numbered(std::int64_t first, std::int64_t count) {
  for (std::int64_t i = first; i < first + count; ++i) {
    write({.name = Name::kDecode, .start = i, .duration = 2 * i, .sample = 3 * i, .bytes = std::uint64_t(4 * i)});
  }
}

/// Whether an event is one of write_numbered(), whole.
bool is_whole(const Event& event) {
  return event.duration == 2 * event.start && event.sample == 3 * event.start &&
         event.bytes == std::uint64_t(4 * event.start);
}

TEST_F(Traces, AreEmptyWhereNothingWasBegun) {
  write_numbered(0, 3);
  {
    const Span span(Name::kRead);
    EXPECT_FALSE(span.on());
  }
  EXPECT_EQ(label("text"), 0U);
  const Trace trace = stop();
  EXPECT_TRUE(trace.threads.empty());
  EXPECT_EQ(trace.dropped, 0U);
}

TEST_F(Traces, GiveBackEveryFieldOfAnEvent) {
  start(8);
  const Event event{.name = Name::kTry,
                    .loader = 65535,
                    .start = -1,
                    .duration = std::int64_t{1} << 60,
                    .epoch = 0xfffffffe,
                    .batch = 7,
                    .sample = std::int64_t{1} << 40,
                    .bytes = ~std::uint64_t{0},
                    .first = 5,
                    .second = ~std::uint64_t{1},
                    .key = label("images/chunks/1"),
                    .error = label("broken")};
  write(event);
  const Trace trace = stop();
  ASSERT_EQ(trace.threads.size(), 1U);
  EXPECT_EQ(trace.threads[0].id, gettid());
  ASSERT_EQ(trace.threads[0].events.size(), 1U);
  const Event& read = trace.threads[0].events[0];
  EXPECT_EQ(read.name, event.name);
  EXPECT_EQ(read.loader, event.loader);
  EXPECT_EQ(read.start, event.start);
  EXPECT_EQ(read.duration, event.duration);
  EXPECT_EQ(read.epoch, event.epoch);
  EXPECT_EQ(read.batch, event.batch);
  EXPECT_EQ(read.sample, event.sample);
  EXPECT_EQ(read.bytes, event.bytes);
  EXPECT_EQ(read.first, event.first);
  EXPECT_EQ(read.second, event.second);
  EXPECT_EQ(trace.labels.at(read.key), "images/chunks/1");
  EXPECT_EQ(trace.labels.at(read.error), "broken");
}

TEST_F(Traces, LoseTheOldestEventsOfAFullRingAndCountThem) {
  start(16);
  write_numbered(0, 100);
  const Trace trace = stop();
  ASSERT_EQ(trace.threads.size(), 1U);
  const std::vector<Event>& events = trace.threads[0].events;
  ASSERT_EQ(events.size(), 15U) << "the place of the next event may be half written";
  EXPECT_EQ(events.front().start, 85);
  EXPECT_EQ(events.back().start, 99);
  EXPECT_EQ(trace.dropped, 85U);
}

TEST_F(Traces, BeginAnewWithoutWhatWasBefore) {
  start(8);
  write_numbered(0, 3);
  start(8);
  write_numbered(50, 1);
  Trace trace = stop();
  ASSERT_EQ(trace.threads.size(), 1U);
  ASSERT_EQ(trace.threads[0].events.size(), 1U);
  EXPECT_EQ(trace.threads[0].events[0].start, 50);
  EXPECT_TRUE(stop().threads.empty());
}

TEST_F(Traces, SpansSayHowLongAndWhatWentWrong) {
  start();
  const std::int64_t before = now();
  try {
    Span span(Name::kRead, 3);
    try {
      throw Error(ErrorKind::kStorage, "the disk is gone");
    } catch (...) {
      span.failed();
      throw;
    }
  } catch (const Error&) {
    write_numbered(now(), 0);
  }
  const Trace trace = stop();
  ASSERT_EQ(trace.threads.size(), 1U);
  const Event& event = trace.threads[0].events.at(0);
  EXPECT_EQ(event.loader, 3);
  EXPECT_GE(event.start, before);
  EXPECT_GE(event.duration, 0);
  EXPECT_LE(event.start + event.duration, now());
  EXPECT_NE(trace.labels.at(event.error).find("the disk is gone"), std::string::npos);
}

TEST_F(Traces, OfManyTextsTheLastHaveNone) {
  start();
  std::set<Label> numbers;
  for (int i = 0; i < 70000; ++i) numbers.insert(label("key " + std::to_string(i)));
  EXPECT_EQ(numbers.size(), 65536U) << "65535 and 0";
  EXPECT_EQ(label("key 5"), label("key 5"));
  EXPECT_EQ(stop().labels.size(), 65536U);
}

TEST_F(Traces, ThreadsWriteWhileAnotherOneReadsAndBeginsAnew) {
  std::atomic<bool> over{false};
  std::vector<std::thread> threads;
  start(64);
  for (int number = 0; number < 3; ++number) {
    threads.emplace_back([&] {
      for (std::int64_t i = 0; !over; i += 10) {
        write_numbered(i, 10);
        label("key " + std::to_string(i % 40));
      }
    });
  }
  std::size_t read = 0;
  for (int round = 0; round < 200; ++round) {
    std::this_thread::sleep_for(std::chrono::microseconds(300));
    const Trace trace = stop();
    start(64);
    for (const ThreadEvents& thread : trace.threads) {
      EXPECT_LT(thread.events.size(), 64U);
      EXPECT_TRUE(std::ranges::all_of(thread.events, is_whole));
      EXPECT_TRUE(std::ranges::is_sorted(thread.events, {}, &Event::start)) << "as they were written";
      read += thread.events.size();
    }
  }
  over = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_GT(read, 0U);
}

TEST_F(Traces, OfManyThreadsThatCameAndWentTheFirstAreDropped) {
  start(4);
  for (int i = 0; i < 300; ++i) std::thread([] { write_numbered(1, 2); }).join();
  const Trace trace = stop();
  EXPECT_EQ(trace.threads.size(), 256U);
  EXPECT_EQ(trace.dropped, 2U * (300 - 256));
}

TEST_F(Traces, AForkedChildBeginsByItself) {
  start(8);
  write_numbered(0, 2);
  const pid_t child = fork();
  if (child == 0) {
    const bool was_off = !on();
    write_numbered(10, 1);
    const bool had_nothing = stop().threads.empty();
    start(8);
    write_numbered(20, 1);
    const Trace own = stop();
    const bool sound = own.threads.size() == 1 && own.threads[0].events.size() == 1;
    _exit(was_off && had_nothing && sound ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(stop().threads.at(0).events.size(), 2U);
}

}  // namespace
}  // namespace penstock::base::trace
