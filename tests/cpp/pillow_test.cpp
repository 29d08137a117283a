#include "transform/pixels/pillow_taps.h"

#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <numeric>
#include <random>
#include <tuple>
#include <vector>

#include "transform/pixels/pillow_kernel.h"

namespace penstock::transform {
namespace {

/// As Scratch: room for what vectors read and write beyond the end.
constexpr std::size_t kRoom = 512;

TEST(PillowTaps, AnEnlargedImageIsMadeOfTwoNeighboursEach) {
  const PillowTaps taps = pillow_linear_taps(2, 4);
  ASSERT_EQ(taps.most, 3U);
  EXPECT_EQ(taps.first, (std::vector<std::int32_t>{0, 0, 0, 1}));
  EXPECT_EQ(taps.counts, (std::vector<std::int32_t>{1, 2, 2, 1}));
  constexpr std::int32_t kOne = 1 << PillowTaps::kWeightBits;
  EXPECT_EQ(taps.weights,
            (std::vector<std::int32_t>{kOne, 0, 0, kOne / 4 * 3, kOne / 4, 0, kOne / 4, kOne / 4 * 3, 0, kOne, 0, 0}));
}

TEST(PillowTaps, AReducedImageIsMadeOfAllThatItCovers) {
  for (const auto& [from, to] : {std::pair{640, 100}, {1000, 3}, {7, 6}, {5, 5}, {1, 9}, {3000, 1}}) {
    const PillowTaps taps = pillow_linear_taps(from, to);
    std::vector<int> seen(static_cast<std::size_t>(from));
    for (std::size_t i = 0; i < taps.first.size(); ++i) {
      const auto weights = taps.weights.begin() + static_cast<std::ptrdiff_t>(i * taps.most);
      const std::int32_t sum = std::accumulate(weights, weights + taps.counts[i], 0);
      EXPECT_NEAR(sum, 1 << PillowTaps::kWeightBits, taps.counts[i]);
      ASSERT_LE(static_cast<std::size_t>(taps.counts[i]), taps.most);
      ASSERT_GE(taps.first[i], 0);
      ASSERT_LE(taps.first[i] + taps.counts[i], from);
      for (std::int32_t j = 0; j < taps.counts[i]; ++j) ++seen[static_cast<std::size_t>(taps.first[i] + j)];
    }
    const bool all_seen = std::all_of(seen.begin(), seen.end(), [](int times) { return times > 0; });
    EXPECT_TRUE(all_seen || to > from);
  }
}

TEST(PillowTaps, TheNearestStaysWithinTheImage) {
  for (const auto& [from, to] : {std::pair{640, 1333}, {1333, 640}, {1, 500}, {500, 1}, {99, 100}}) {
    const std::vector<Tap> taps = pillow_nearest_taps(from, to);
    ASSERT_EQ(taps.size(), static_cast<std::size_t>(to));
    EXPECT_TRUE(std::is_sorted(taps.begin(), taps.end(), [](const Tap& a, const Tap& b) { return a.first < b.first; }));
    EXPECT_GE(taps.front().first, 0);
    EXPECT_LT(taps.back().first, from);
  }
}

/// Instruction set, number of pixels, and neighbours of each.
class PillowKernels : public testing::TestWithParam<std::tuple<std::int64_t, std::size_t, std::size_t>> {
 protected:
  void SetUp() override { hwy::SetSupportedTargetsForTest(std::get<0>(GetParam())); }
  void TearDown() override { hwy::SetSupportedTargetsForTest(0); }

  std::size_t count() const { return std::get<1>(GetParam()); }
  std::size_t neighbours() const { return std::get<2>(GetParam()); }
  std::size_t pairs() const { return (neighbours() + 1) / 2; }

  std::vector<std::uint8_t> bytes(std::size_t size) {
    std::vector<std::uint8_t> made(size + kRoom);
    for (std::uint8_t& byte : made) byte = static_cast<std::uint8_t>(random_());
    return made;
  }
  /// Weights of which the sum is one.
  std::vector<std::int32_t> weights() {
    std::vector<std::int32_t> made(2 * pairs());
    std::int32_t left = 1 << PillowTaps::kWeightBits;
    for (std::size_t i = 0; i + 1 < neighbours(); ++i) {
      made[i] = std::uniform_int_distribution<std::int32_t>(0, left)(random_);
      left -= made[i];
    }
    made[neighbours() - 1] = left;
    return made;
  }

  std::mt19937 random_{7};
};

std::uint8_t rounded(std::int64_t sum) {
  return static_cast<std::uint8_t>((sum + (1 << (PillowTaps::kWeightBits - 1))) >> PillowTaps::kWeightBits);
}

TEST_P(PillowKernels, ColumnsAreWeightedSums) {
  constexpr std::size_t kWidth = 50;
  const std::vector<std::uint8_t> row = bytes(kWidth * 4);
  const std::size_t stride = (count() + 127) / 64 * 64;
  std::vector<std::int32_t> left(stride * pairs() + kRoom);
  std::vector<std::uint32_t> high(stride * pairs() + kRoom), low(stride * pairs() + kRoom);
  std::vector<std::array<std::uint8_t, 3>> expected(count());
  for (std::size_t i = 0; i < count(); ++i) {
    const std::vector<std::int32_t> shares = weights();
    const std::size_t first = random_() % (kWidth - 2 * pairs() + 1);
    std::array<std::int64_t, 3> sums{};
    for (std::size_t place = 0; place < shares.size(); ++place) {
      for (std::size_t c = 0; c < 3; ++c) sums[c] += std::int64_t{row[4 * (first + place) + c]} * shares[place];
    }
    for (std::size_t c = 0; c < 3; ++c) expected[i][c] = rounded(sums[c]);
    for (std::size_t pair = 0; pair < pairs(); ++pair) {
      const auto split = kernels::SplitWeights::of(shares[2 * pair], shares[2 * pair + 1]);
      left[pair * stride + i] = static_cast<std::int32_t>(first + 2 * pair);
      high[pair * stride + i] = split.high;
      low[pair * stride + i] = split.low;
    }
  }
  std::vector<std::uint64_t> room(stride + kRoom);
  std::vector<std::int32_t> sums(3 * stride + kRoom);
  std::vector<std::uint8_t> out(3 * stride + kRoom);
  kernels::pillow_columns(row.data(), {count(), stride, pairs(), left.data(), high.data(), low.data()}, room.data(),
                          sums.data(), {out.data(), out.data() + stride, out.data() + 2 * stride});
  for (std::size_t i = 0; i < count(); ++i) {
    for (std::size_t c = 0; c < 3; ++c) ASSERT_EQ(out[c * stride + i], expected[i][c]) << i << ", " << c;
  }
}

TEST_P(PillowKernels, RowsAreWeightedSumsAndEndWithTheImage) {
  std::vector<std::vector<std::uint8_t>> planes;
  std::vector<kernels::Planes<const std::uint8_t>> rows;
  for (std::size_t i = 0; i < 6 * pairs(); ++i) planes.push_back(bytes(count()));
  for (std::size_t i = 0; i < 2 * pairs(); ++i) {
    rows.push_back({planes[3 * i].data(), planes[3 * i + 1].data(), planes[3 * i + 2].data()});
  }
  const std::vector<std::int32_t> shares = weights();
  std::vector<kernels::SplitWeights> split;
  for (std::size_t pair = 0; pair < pairs(); ++pair) {
    split.push_back(kernels::SplitWeights::of(shares[2 * pair], shares[2 * pair + 1]));
  }
  // Of exactly so many elements: a sanitizer sees what is written beyond them.
  std::vector<std::uint8_t> first(count()), second(count()), third(count());
  kernels::pillow_rows(rows.data(), split.data(), rows.size(), count(), {first.data(), second.data(), third.data()});
  const std::vector<std::uint8_t>* const out[3] = {&first, &second, &third};
  for (std::size_t c = 0; c < 3; ++c) {
    for (std::size_t i = 0; i < count(); ++i) {
      std::int64_t sum = 0;
      for (std::size_t place = 0; place < rows.size(); ++place) sum += std::int64_t{rows[place][c][i]} * shares[place];
      ASSERT_EQ((*out[c])[i], rounded(sum)) << i << ", " << c;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(EachInstructionSet, PillowKernels,
                         testing::Combine(testing::ValuesIn(hwy::SupportedAndGeneratedTargets()),
                                          testing::Values<std::size_t>(1, 15, 16, 17, 40),
                                          testing::Values<std::size_t>(1, 2, 3, 7)));

}  // namespace
}  // namespace penstock::transform
