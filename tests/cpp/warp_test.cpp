#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <array>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "transform/pixels/warp.h"
#include "transform/pixels/warp_kernel.h"

namespace penstock::transform {
namespace {

Image noise(Extent extent) {
  Image image(extent, false);
  std::mt19937 random(3);
  for (std::int32_t i = 0; i < extent.height * extent.width * 4; ++i) {
    image.pixel<std::uint8_t>(0, 0)[i] = static_cast<std::uint8_t>(random());
  }
  return image;
}

/// Colors of the result; the fourth byte of pixels means nothing.
std::vector<std::uint8_t> warped(const Image& image, const Warp& by, std::int64_t target) {
  hwy::SetSupportedTargetsForTest(target);
  const Image result = warp(image, by);
  hwy::SetSupportedTargetsForTest(0);
  std::vector<std::uint8_t> colors;
  for (std::int32_t i = 0; i < result.extent.height * result.extent.width; ++i) {
    const std::uint8_t* const pixel = result.pixel<std::uint8_t>(0, i);
    colors.insert(colors.end(), pixel, pixel + 3);
  }
  return colors;
}

/// What a pixel of the result is made of, step by step as the header says.
std::vector<std::uint8_t> by_hand(const Image& image, const Warp& by, const std::array<double, 9>& to_source) {
  std::vector<std::uint8_t> colors;
  for (std::int32_t row = 0; row < by.extent.height; ++row) {
    std::vector<std::int32_t> x(static_cast<std::size_t>(by.extent.width) + kernels::kVectorRoom), y(x.size());
    kernels::source_positions(to_source, row, static_cast<std::size_t>(by.extent.width), x.data(), y.data());
    for (std::size_t i = 0; i < static_cast<std::size_t>(by.extent.width); ++i) {
      for (std::int32_t c = 0; c < 3; ++c) {
        std::int32_t sum = 512;
        for (const std::int32_t down : {0, 1}) {
          for (const std::int32_t across : {0, 1}) {
            const std::int32_t r = (y[i] >> 5) + down, k = (x[i] >> 5) + across;
            const bool inside = r >= 0 && r < image.extent.height && k >= 0 && k < image.extent.width;
            const auto beside = static_cast<std::int32_t>(by.fill[static_cast<std::size_t>(c)]);
            const std::int32_t value = inside ? image.pixel<std::uint8_t>(r, k)[c] : beside;
            sum += value * (across == 1 ? x[i] & 31 : 32 - (x[i] & 31)) * (down == 1 ? y[i] & 31 : 32 - (y[i] & 31));
          }
        }
        colors.push_back(static_cast<std::uint8_t>(sum >> 10));
      }
    }
  }
  return colors;
}

class WarpOn : public testing::TestWithParam<std::int64_t> {};

INSTANTIATE_TEST_SUITE_P(Targets, WarpOn, testing::ValuesIn(hwy::SupportedAndGeneratedTargets()),
                         [](const auto& target) { return std::string(hwy::TargetName(target.param)); });

TEST_P(WarpOn, VectorsGiveWhatPixelsOneByOneGive) {
  for (const Extent from : {Extent{40, 57}, Extent{1, 9}, Extent{33, 1}}) {
    const Image image = noise(from);
    // The inverses of shifts are theirs with the other sign: nothing is rounded.
    for (const double shift : {0.0, 0.25, -13.5, 100.0, 1e12}) {
      const Warp by{{1, 0, shift, 0, 1, -shift / 2, 0, 0, 1}, {37, 75}, {114, 3, 250}};
      EXPECT_EQ(warped(image, by, GetParam()), by_hand(image, by, {1, 0, -shift, 0, 1, shift / 2, 0, 0, 1})) << shift;
    }
  }
}

TEST_P(WarpOn, EveryProcessorGivesTheSame) {
  const Image image = noise({61, 83});
  std::mt19937 random(5);
  std::uniform_real_distribution<> slope(-1.5, 1.5), shift(-40, 40), perspective(-0.02, 0.02);
  for (int i = 0; i < 20; ++i) {
    Warp by{{}, {50, 70}, {1, 2, 3}};
    for (double& value : by.matrix) value = slope(random);
    by.matrix[2] = shift(random);
    by.matrix[5] = shift(random);
    if (i % 2 == 0) by.matrix[6] = by.matrix[7] = 0;
    if (i % 2 == 1) by.matrix[6] = perspective(random), by.matrix[7] = perspective(random);
    by.matrix[8] = 1;
    EXPECT_EQ(warped(image, by, GetParam()), warped(image, by, HWY_SSE4)) << i;
  }
}

TEST_P(WarpOn, PositionsThatAreNoNumbersAreTheFirst) {
  hwy::SetSupportedTargetsForTest(GetParam());
  std::vector<std::int32_t> x(3 + kernels::kVectorRoom), y(x.size());
  const double infinite = std::numeric_limits<double>::infinity();
  kernels::source_positions({infinite, 0, -infinite, 1e300, 0, -1e300, 0, 0, 1}, 0, 3, x.data(), y.data());
  hwy::SetSupportedTargetsForTest(0);
  EXPECT_EQ(x[1], 0) << "infinite less infinite";
  EXPECT_EQ((std::vector<std::int32_t>{y[0], y[1], y[2]}), (std::vector<std::int32_t>{-(1 << 30), 0, 1 << 30}));
}

}  // namespace
}  // namespace penstock::transform
