#include <gtest/gtest.h>

#include <array>
#include <cstdint>
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
  const Stream stream{1, 2, 3, 0, 0};
  std::vector<std::uint16_t> retries(program.parts.size(), 0);
  EXPECT_EQ(part_stream(program, stream, 6, retries).part, 6);
  retries[4] = 2;
  retries[6] = 1;
  EXPECT_EQ(part_stream(program, stream, 6, retries).part, 6 + 3 * 256);
  EXPECT_EQ(part_stream(program, stream, 5, retries).part, 5 + 2 * 256);
  EXPECT_EQ(part_stream(program, stream, 3, retries).part, 3);
}

TEST(Parts, AreChosenByTheFirstDrawsOfTheirStep) {
  const Program program = mixed_twice();
  const AnnotationTable table = table_of(1000);
  const Stream stream{1, 2, 3, 0, 0};
  const std::vector<std::uint16_t> retries(program.parts.size(), 0);
  Draws own = stream.step(1);
  for (const std::size_t part : {1U, 2U, 3U}) {
    EXPECT_EQ(partner(program, stream, table, part, retries), static_cast<std::size_t>(own.randint(0, 1000)));
  }
  Draws within = part_stream(program, stream, 4, retries).step(1);
  for (const std::size_t part : {5U, 6U, 7U}) {
    EXPECT_EQ(partner(program, stream, table, part, retries), static_cast<std::size_t>(within.randint(0, 1000)));
  }
}

}  // namespace
}  // namespace penstock::transform
