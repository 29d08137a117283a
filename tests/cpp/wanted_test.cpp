#include "pipeline/wanted.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <vector>

#include "pipeline/fault.h"
#include "pipeline/fetched.h"
#include "support/expect_error.h"

namespace penstock::pipeline {
namespace {

/// "images": twenty samples in chunks of ten. "boxes": sequences of 0, 1, 2, ... items, all in one chunk.
std::vector<TensorSource> two_sources() {
  std::vector<TensorSource> sources(2);
  sources[0].format.name = "images";
  sources[0].index = {{1, 2}, {9, 19}, {0, 0}, {"images"}};
  sources[1].format.name = "boxes";
  sources[1].index = {{3}, {189}, {0}, {"boxes"}};
  sources[1].sequences.emplace();
  for (std::int64_t i = 0; i < 20; ++i) {
    sources[1].sequences->lengths.push_back(i);
    sources[1].sequences->first_item.push_back(i * (i - 1) / 2);
    sources[1].sequences->last.push_back(i);
  }
  return sources;
}

class WantedTest : public testing::Test {
 protected:
  base::Error named(FaultPlace place, base::ErrorKind kind = base::ErrorKind::kDecode) {
    return test::error_of([&] { wanted_.named(place, [&] { throw base::Error(kind, "bad"); }); });
  }

  std::vector<TensorSource> sources_ = two_sources();
  Wanted wanted_{sources_, std::vector<std::int64_t>{3, 12, 0}};
};

TEST_F(WantedTest, EachSampleOfTheBatchIsARead) {
  ASSERT_EQ(wanted_.reads().size(), 3U);
  EXPECT_EQ(wanted_.reads()[1].sample, 12);
  EXPECT_EQ(wanted_.reads()[1].position, 1U);
  EXPECT_EQ(wanted_.slots(0).items, (std::vector<std::int64_t>{3, 12, 0}));
  EXPECT_EQ(wanted_.slots(1).items.size(), 15U);
}

TEST_F(WantedTest, APlaceIsTheReadAndItsItem) {
  EXPECT_EQ(wanted_.place_of(0, 2), (FaultPlace{2, 2, 0, 0}));
  EXPECT_EQ(wanted_.place_of(1, 2), (FaultPlace{0, 0, 1, 2}));
  EXPECT_EQ(wanted_.place_of(1, 3), (FaultPlace{1, 1, 1, 0}));
  const std::size_t read = wanted_.add({5, 0});
  EXPECT_EQ(read, 3U);
  EXPECT_EQ(wanted_.place_of(0, 3), (FaultPlace{0, 3, 0, 0})) << "of the position that it is for";
}

TEST_F(WantedTest, AnErrorIsNamedByItsRead) {
  const std::size_t read = wanted_.add({15, 1});
  const base::Error error = named({1, read, 0, 0});
  EXPECT_EQ(error.tensor(), "images");
  EXPECT_EQ(error.sample(), 15) << "the one that is mixed in, not the one that it is mixed into";
  EXPECT_EQ(error.chunk(), "images/2");
}

TEST_F(WantedTest, AnEmptySequenceHasNoChunk) {
  const base::Error error = named({2, 2, 1, 0});
  EXPECT_EQ(error.tensor(), "boxes");
  EXPECT_EQ(error.sample(), 0);
  EXPECT_EQ(error.chunk(), "");
}

TEST_F(WantedTest, AnErrorOfAStepNamesTheSampleThatWasAskedFor) {
  const std::size_t read = wanted_.add({15, 1});
  const base::Error error = named({1, read, 0, 0}, base::ErrorKind::kTransform);
  EXPECT_EQ(error.tensor(), "");
  EXPECT_EQ(error.sample(), 12);
}

TEST_F(WantedTest, WhatIsNamedAlreadyStaysSo) {
  base::Error tile(base::ErrorKind::kDecode, "bad");
  tile.set_place("", -1, "images/7");
  const base::Error error = test::error_of([&] { wanted_.named({0, 0, 0, 0}, [&] { throw tile; }); });
  EXPECT_EQ(error.chunk(), "images/7");
  EXPECT_EQ(error.sample(), 3);
}

TEST_F(WantedTest, RoomIsMadeForWhatWasAdded) {
  Fetched fetched(wanted_);
  EXPECT_TRUE(fetched.wants_more());
  EXPECT_EQ(fetched.make_room(), 0U);
  EXPECT_FALSE(fetched.wants_more());
  fetched.set(0, 2, {{}, {7}});
  fetched.wanted().add({5, 0});
  EXPECT_TRUE(fetched.wants_more());
  EXPECT_EQ(fetched.make_room(), 3U);
  EXPECT_EQ(fetched.item(0, 2).shape, base::Shape{7}) << "as it was";
  EXPECT_TRUE(fetched.of_read(0, 3).shape.empty());
}

TEST(Faults, TheErrorOfTheFirstPlaceIsKept) {
  Faults faults;
  EXPECT_EQ(faults.sound(8), 8U);
  EXPECT_EQ(faults.take(), nullptr);
  const auto fail = [](const char* what) { return [what] { throw std::runtime_error(what); }; };
  faults.attempt({5, 5, 0, 0}, fail("late"));
  faults.attempt({2, 9, 0, 0}, fail("mixed in"));
  faults.attempt({2, 2, 1, 3}, fail("first"));
  faults.attempt({2, 2, 1, 3}, fail("the same place, later"));
  faults.attempt({0, 0, 0, 0}, [] {});
  EXPECT_EQ(faults.sound(8), 2U);
  try {
    std::rethrow_exception(faults.take());
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "first");
  }
}

}  // namespace
}  // namespace penstock::pipeline
