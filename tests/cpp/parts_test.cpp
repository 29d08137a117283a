#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <vector>

#include "transform/steps/geometry.h"

/// Which images a sample is made of, and with which random numbers.
namespace penstock::transform {
namespace {

AnnotationTable table_of(std::int64_t items) {
  AnnotationTable table;
  for (std::int64_t i = 0; i < items; ++i) {
    table.indices.push_back(i);
    table.flags.push_back(0);
  }
  return table;
}

/// Four images in one; then another blended in, which has been through all steps before it.
Program mixed_twice() {
  return make_program({step::LoadImage{}, step::Mosaic{}, step::LoadAnnotations{}, step::MixUp{}},
                      std::vector<std::size_t>{0, 1, 0, 3});
}

TEST(Parts, HaveTheNumbersAfterWhatTheyAreMixedInto) {
  const Program program = mixed_twice();
  std::vector<std::array<std::size_t, 3>> parts;
  for (const Program::Part& part : program.parts) parts.push_back({part.parent, part.step, part.ordinal});
  const std::vector<std::array<std::size_t, 3>> expected{{0, 0, 0}, {0, 1, 0}, {0, 1, 1}, {0, 1, 2},
                                                         {0, 3, 0}, {4, 1, 0}, {4, 1, 1}, {4, 1, 2}};
  EXPECT_EQ(parts, expected);
}

TEST(Parts, GoThroughTheStepsBeforeTheFirstThatMixesByDefault) {
  const Program program = make_program({step::LoadImage{}, step::Mosaic{}, step::MixUp{}});
  EXPECT_EQ(program.partner_steps, (std::vector<std::size_t>{0, 1, 1}));
  EXPECT_EQ(program.parts.size(), 5U);
}

TEST(Parts, AreWithinThoseThatTheyAreMixedInto) {
  const Program program = mixed_twice();
  EXPECT_TRUE(is_within(program, 6, 4));
  EXPECT_TRUE(is_within(program, 6, 0));
  EXPECT_FALSE(is_within(program, 6, 3));
  EXPECT_FALSE(is_within(program, 3, 4));
}

TEST(Parts, HaveAnotherStreamWhereOneThatTheyAreMixedIntoWasRejected) {
  const Program program = mixed_twice();
  const AnnotationTable table = table_of(1000);
  const Items items{table};
  const Stream stream{1, 2, 3, 0, 0};
  Stream fourth = partner(program, 4, stream, items).stream;
  EXPECT_EQ(partner(program, 6, fourth, items).stream.part, 6);
  fourth = retried(program, 4, retried(program, 4, fourth));
  const Stream sixth = partner(program, 6, fourth, items).stream;
  EXPECT_EQ(retried(program, 6, sixth).part, 6 + 3 * 256);
  EXPECT_EQ(partner(program, 5, fourth, items).stream.part, 5 + 2 * 256);
  EXPECT_EQ(partner(program, 3, stream, items).stream.part, 3);
}

TEST(Parts, AreChosenByTheFirstDrawsOfTheirStep) {
  const Program program = mixed_twice();
  const AnnotationTable table = table_of(1000);
  const Items items{table};
  const Stream stream{1, 2, 3, 0, 0};
  Draws own = stream.step(1);
  for (const std::size_t part : {1U, 2U, 3U}) {
    EXPECT_EQ(partner(program, part, stream, items).item, static_cast<std::size_t>(own.randint(0, 1000)));
  }
  const Stream fourth = partner(program, 4, stream, items).stream;
  Draws within = fourth.step(1);
  for (const std::size_t part : {5U, 6U, 7U}) {
    EXPECT_EQ(partner(program, part, fourth, items).item, static_cast<std::size_t>(within.randint(0, 1000)));
  }
}

/// The same, out of caches.
Program mixed_twice_from_caches(bool random_pop) {
  step::Mosaic mosaic;
  step::MixUp mix_up;
  mosaic.cached = mix_up.cached = true;
  mosaic.random_pop = mix_up.random_pop = random_pop;
  mosaic.max_cached_images = 20;
  mix_up.max_cached_images = 10;
  return make_program({step::LoadImage{}, mosaic, step::LoadAnnotations{}, mix_up},
                      std::vector<std::size_t>{0, 1, 0, 3});
}

/// Places from the last item to the first.
EpochPlaces backwards(std::int64_t items) {
  std::vector<std::int64_t> order;
  for (std::int64_t item = items; item-- > 0;) order.push_back(item);
  return EpochPlaces(order);
}

TEST(CachedParts, HaveTheStreamOfTheirOwnPlace) {
  const Program program = mixed_twice_from_caches(false);
  AnnotationTable table = table_of(1000);
  for (std::int64_t& index : table.indices) index *= 2;
  const EpochPlaces places = backwards(1000);
  const Items items{table, &places};
  EXPECT_TRUE(has_cache(program));
  EXPECT_FALSE(has_cache(mixed_twice()));
  const Chosen fourth = partner(program, 4, {1, 2, 600, 5, 7}, items);
  EXPECT_GE(fourth.item, 301U);
  EXPECT_LT(fourth.item, 310U);
  EXPECT_EQ(fourth.stream.index, 2 * fourth.item);
  EXPECT_EQ(fourth.stream.attempt, 0U);
  EXPECT_EQ(fourth.stream.part, 0U);
  EXPECT_EQ(retried(program, 4, fourth.stream).attempt, 1U);
  // What is mixed into it is what is mixed into the sample that it is.
  for (const std::size_t part : {1U, 2U, 3U}) {
    const Chosen own = partner(program, part, fourth.stream, items);
    const Chosen within = partner(program, part + 4, fourth.stream, items);
    EXPECT_EQ(own.item, within.item);
    EXPECT_EQ(own.stream.index, within.stream.index);
  }
}

/// How often something of each age was drawn in so many samples, three times each.
std::vector<int> ages_drawn(const Program& program, std::size_t samples, std::int64_t length) {
  const AnnotationTable table = table_of(length);
  const EpochPlaces places = backwards(length);
  const Items items{table, &places};
  std::vector<int> ages(static_cast<std::size_t>(length), 0);
  for (std::size_t i = 0; i < samples; ++i) {
    const std::size_t own = i % static_cast<std::size_t>(length);
    const Stream stream{9, i / static_cast<std::size_t>(length), own, 0, 0};
    for (const std::size_t part : {1U, 2U, 3U}) {
      const std::size_t item = partner(program, part, stream, items).item;
      ++ages[(item + static_cast<std::size_t>(length) - own) % static_cast<std::size_t>(length)];
    }
  }
  return ages;
}

TEST(CachedParts, AreOfTheLastSamplesEachEquallyLikely) {
  const std::vector<int> ages = ages_drawn(mixed_twice_from_caches(false), 20000, 100);
  for (std::size_t age = 0; age < ages.size(); ++age) {
    const bool cached = age > 0 && age < 20;
    // Of 60,000: a share of 3,158 with a deviation of 55.
    EXPECT_NEAR(ages[age], cached ? 3158 : 0, cached ? 5 * 55 : 0) << age;
  }
}

TEST(CachedParts, AreTheRarerTheOlderTheyAreWhereAnyIsRemoved) {
  const std::vector<int> ages = ages_drawn(mixed_twice_from_caches(true), 20000, 2000);
  EXPECT_EQ(ages[0], 0);
  double share = 1.0 / 20;
  for (std::size_t age = 1; age < 60; ++age) {
    const double expected = 60000 * share;
    EXPECT_NEAR(ages[age], expected, 5 * std::sqrt(expected)) << age;
    share *= 19.0 / 20;
  }
}

TEST(EpochPlaces, TellWhatHasComeBefore) {
  const EpochPlaces places(std::vector<std::int64_t>{3, 0, 2, 1});
  EXPECT_EQ(places.before(2, 0), 2U);
  EXPECT_EQ(places.before(2, 1), 0U);
  EXPECT_EQ(places.before(2, 2), 3U);
  EXPECT_EQ(places.before(2, 3), 1U);
  EXPECT_EQ(places.before(2, 4 * 250000000LL + 1), 0U);
}

TEST(EpochPlaces, HaveEachItemOnce) {
  for (const std::vector<std::int64_t>& order : {std::vector<std::int64_t>{0, 0}, {0, 2}, {-1, 0}}) {
    EXPECT_THROW(EpochPlaces{order}, std::invalid_argument);
  }
}

}  // namespace
}  // namespace penstock::transform
