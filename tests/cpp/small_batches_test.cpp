#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <future>

#include "support/stand_in.h"
#include "support/threads.h"

namespace penstock::pipeline {
namespace {

constexpr std::int64_t kSamples = 240;
constexpr unsigned kThreads = 8;
const auto kNoInterrupt = [] {};

void expect_all_in_order(Epoch& epoch) {
  std::int64_t next = 0;
  while (const auto batch = epoch.next(kNoInterrupt)) {
    for (const std::int64_t sample : batch->indices) EXPECT_EQ(sample, next++);
  }
  EXPECT_EQ(next, kSamples);
}

class SmallBatches : public testing::TestWithParam<std::int64_t> {};

/// A thread is at the first sample, which the first batch waits for, and the others have work for as long as they
/// need for two samples each.
TEST_P(SmallBatches, LeaveWorkToThreadsWhileOneIsAtASlowSample) {
  const std::int64_t batch_size = GetParam(), wanted = 2 * kThreads;
  std::promise<void> release;
  std::atomic<std::int64_t> done = 0;
  test::StandIn stand_in(kThreads, 2, 2 * kThreads, [&, slow = release.get_future().share()](std::int64_t sample) {
    if (sample == 0) slow.wait();
    ++done;
  });
  const auto epoch = stand_in.start(kSamples, batch_size);
  EXPECT_TRUE(test::eventually([&] { return done >= batch_size - 1 + wanted; })) << done;
  EXPECT_LE(done, std::max(2 * batch_size, wanted + 2 * batch_size)) << "what is decoded and waits is bounded";
  release.set_value();
  expect_all_in_order(*epoch);
}

INSTANTIATE_TEST_SUITE_P(Sizes, SmallBatches, testing::Values(1, 3, 4, 8, 16, 40));

TEST(SmallBatchesTest, AreBoundedByPrefetchAloneWhereNobodyAsksForSamples) {
  for (const unsigned prefetch : {1U, 2U, 7U}) {
    test::StandIn stand_in(kThreads, prefetch, 0, [](std::int64_t) {});
    EXPECT_EQ(stand_in.start(kSamples, 1)->prefetch(), prefetch);
  }
}

TEST(SmallBatchesTest, AreAsManyAsPrefetchSaysWhereThatIsMore) {
  test::StandIn stand_in(kThreads, 12, 16, [](std::int64_t) {});
  EXPECT_EQ(stand_in.start(kSamples, 2)->prefetch(), 12U);
  EXPECT_EQ(stand_in.start(kSamples, 1)->prefetch(), 17U);
}

}  // namespace
}  // namespace penstock::pipeline
