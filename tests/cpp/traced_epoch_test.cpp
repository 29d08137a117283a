#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <vector>

#include "base/error.h"
#include "base/trace.h"
#include "pipeline/epoch.h"
#include "support/dataset.h"

namespace penstock::pipeline {
namespace {

using base::trace::Event;
using base::trace::Name;

std::vector<Event> events_of(const base::trace::Trace& trace, Name name) {
  std::vector<Event> events;
  for (const base::trace::ThreadEvents& thread : trace.threads) {
    std::ranges::copy_if(thread.events, std::back_inserter(events), [&](const Event& e) { return e.name == name; });
  }
  return events;
}

std::set<std::int64_t> samples_of(const std::vector<Event>& events) {
  std::set<std::int64_t> samples;
  for (const Event& event : events) samples.insert(event.sample);
  return samples;
}

class TracedEpoch : public testing::Test {
 protected:
  void TearDown() override { base::trace::stop(); }

  const test::Dataset dataset = test::make_dataset();
};

TEST_F(TracedEpoch, HasAnEventForEachThingThatWasDone) {
  const auto loader = test::make_loader(dataset, {.threads = 3});
  const auto order = test::shuffled(dataset.samples(), 5);
  base::trace::start();
  const auto epoch = loader->start(order, test::batch_ends(order.size(), 8), {.seed = 1, .epoch = 4});
  test::run_epoch(dataset, *epoch);
  const base::trace::Trace trace = base::trace::stop();

  const auto decoded = events_of(trace, Name::kDecode);
  EXPECT_EQ(decoded.size(), order.size());
  EXPECT_EQ(samples_of(decoded).size(), order.size());
  std::uint64_t parts = 0;
  for (const Event& event : decoded) {
    EXPECT_EQ(event.epoch, 4U);
    EXPECT_LT(event.batch, 5U);
    EXPECT_LE(event.first, static_cast<std::uint64_t>(event.duration));
    parts += event.first;
  }
  // The same clock readings are counted.
  EXPECT_NEAR(static_cast<double>(parts), static_cast<double>(loader->stats().decode_ns.load()), 1e6);
  EXPECT_EQ(events_of(trace, Name::kReady).size(), 5U);
  const auto waits = events_of(trace, Name::kWait);
  ASSERT_EQ(waits.size(), 6U) << "one for each batch, one for the end";
  EXPECT_EQ(waits.back().first, 0U);
  EXPECT_EQ(events_of(trace, Name::kFetch).size(), loader->stats().reads.load());
  EXPECT_EQ(events_of(trace, Name::kRead).size(), loader->stats().reads.load());
  EXPECT_EQ(events_of(trace, Name::kGeometry).size(), 5U);
  EXPECT_EQ(events_of(trace, Name::kLayOut).size(), 5U);
  // Each sample has an image and boxes.
  EXPECT_EQ(events_of(trace, Name::kFetched).size(), 2 * order.size());
  std::uint64_t bytes = 0;
  for (const Event& event : events_of(trace, Name::kFetch)) {
    EXPECT_EQ(event.loader, loader->stats().loader);
    EXPECT_FALSE(trace.labels.at(event.key).empty());
    bytes += event.bytes;
  }
  EXPECT_EQ(bytes, loader->stats().bytes_read.load());
}

TEST_F(TracedEpoch, HasNothingOfAnEpochBeforeItWasBegun) {
  const auto loader = test::make_loader(dataset, {.threads = 2});
  const auto order = test::in_order(dataset.samples());
  test::run_epoch(dataset, *loader->start(order, test::batch_ends(order.size(), 8)));
  EXPECT_TRUE(base::trace::stop().threads.empty());
}

TEST_F(TracedEpoch, SaysWhatADamagedSampleWas) {
  test::Dataset damaged = test::make_dataset();
  damaged.damage(0, 12);
  const auto loader = test::make_loader(damaged, {.threads = 2});
  const auto order = test::in_order(damaged.samples());
  base::trace::start();
  const auto epoch = loader->start(order, test::batch_ends(order.size(), 4));
  EXPECT_THROW(while (epoch->next(test::kNoInterrupt)){}, base::Error);
  const base::trace::Trace trace = base::trace::stop();
  const auto of = [&](Name name) {
    std::vector<Event> failed = events_of(trace, name);
    std::erase_if(failed, [](const Event& event) { return event.error == 0; });
    return failed;
  };
  const auto decoded = of(Name::kDecode);
  ASSERT_EQ(decoded.size(), 1U);
  EXPECT_EQ(decoded[0].sample, 12);
  EXPECT_NE(trace.labels.at(decoded[0].error).find("JPEG"), std::string::npos) << trace.labels.at(decoded[0].error);
  ASSERT_EQ(of(Name::kReady).size(), 1U);
  EXPECT_EQ(of(Name::kReady)[0].batch, 3U);
  EXPECT_EQ(of(Name::kWait).size(), 1U);
}

TEST_F(TracedEpoch, BeginsAndEndsWhileAnEpochRuns) {
  const auto loader = test::make_loader(dataset, {.threads = 4});
  const auto order = test::shuffled(dataset.samples(), 6);
  for (int round = 0; round < 5; ++round) {
    const auto epoch = loader->start(order, test::batch_ends(order.size(), 3));
    epoch->next(test::kNoInterrupt);
    base::trace::start(32);
    epoch->next(test::kNoInterrupt);
    EXPECT_FALSE(base::trace::stop().threads.empty());
    test::run_epoch(dataset, *epoch);
  }
}

TEST_F(TracedEpoch, OfALoaderThatIsClosedMeanwhile) {
  base::trace::start();
  {
    const auto loader = test::make_loader(dataset, {.threads = 4});
    const auto order = test::shuffled(dataset.samples(), 7);
    const auto epoch = loader->start(order, test::batch_ends(order.size(), 3));
    epoch->next(test::kNoInterrupt);
    loader->begin_stop();
    EXPECT_THROW(epoch->next(test::kNoInterrupt), base::Error);
  }
  const base::trace::Trace trace = base::trace::stop();
  EXPECT_EQ(events_of(trace, Name::kWait).size(), 2U);
}

}  // namespace
}  // namespace penstock::pipeline
