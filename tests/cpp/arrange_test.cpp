#include "decode/arrange.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <numeric>
#include <vector>

#include "support/bytes.h"

namespace penstock::decode {
namespace {

template <class Out, class In>
std::vector<Out> arranged(const Arrangement& arrangement, const std::vector<In>& pixels, const base::Shape& shape) {
  std::vector<Out> out(pixels.size());
  arrange_image(arrangement, std::as_bytes(std::span(pixels)), shape, sizeof(In),
                std::as_writable_bytes(std::span(out)));
  return out;
}

std::vector<std::uint8_t> all_values() {
  std::vector<std::uint8_t> values(256);
  std::iota(values.begin(), values.end(), 0);
  return values;
}

/// The value of a float16's bits.
double value_of_float16(std::uint16_t bits) {
  const int exponent = bits >> 10;
  const double fraction = bits & 0x3FF;
  return exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(fraction + 1024, exponent - 25);
}

TEST(Arrange, PlanesFollowEachOther) {
  // Two rows of three pixels of two channels.
  const std::vector<std::uint8_t> pixels{1, 10, 2, 20, 3, 30, 4, 40, 5, 50, 6, 60};
  const Arrangement planes{.planes = true};
  EXPECT_EQ((arranged<std::uint8_t>(planes, pixels, {2, 3, 2})),
            (std::vector<std::uint8_t>{1, 2, 3, 4, 5, 6, 10, 20, 30, 40, 50, 60}));
  const std::vector<std::uint16_t> deep(pixels.begin(), pixels.end());
  EXPECT_EQ((arranged<std::uint16_t>(planes, deep, {2, 3, 2})),
            (std::vector<std::uint16_t>{1, 2, 3, 4, 5, 6, 10, 20, 30, 40, 50, 60}));
}

TEST(Arrange, GrayImagesAreOnePlaneAsTheyAre) {
  const std::vector<std::uint8_t> pixels{1, 2, 3, 4, 5, 6};
  const Arrangement planes{.planes = true};
  EXPECT_EQ((arranged<std::uint8_t>(planes, pixels, {2, 3})), pixels);
  EXPECT_EQ((arranged<std::uint8_t>(planes, pixels, {2, 3, 1})), pixels);
}

TEST(Arrange, ShapesFollow) {
  const Arrangement planes{.planes = true, .scale = Scale::kFloat32};
  EXPECT_EQ(arranged_shape(planes, {4, 5, 3}), (base::Shape{3, 4, 5}));
  EXPECT_EQ(arranged_shape(planes, {4, 5}), (base::Shape{1, 4, 5}));
  EXPECT_EQ(arranged_shape(planes, {0}), (base::Shape{0}));
  EXPECT_EQ(arranged_shape({}, {4, 5, 3}), (base::Shape{4, 5, 3}));
  EXPECT_EQ(arranged_item_size(planes, 1), 4U);
  EXPECT_EQ(arranged_item_size({.scale = Scale::kFloat16}, 2), 2U);
  EXPECT_EQ(arranged_item_size({.scale = Scale::kBfloat16}, 1), 2U);
  EXPECT_EQ(arranged_item_size({.planes = true}, 2), 2U);
}

TEST(Arrange, Float32IsTheValueDividedByTheMost) {
  const auto floats = arranged<float>({.scale = Scale::kFloat32}, all_values(), {1, 256});
  for (std::size_t value = 0; value < 256; ++value) EXPECT_EQ(floats[value], static_cast<float>(value) / 255.0F);
  const auto deep = arranged<float>({.scale = Scale::kFloat32}, std::vector<std::uint16_t>{0, 257, 65535}, {1, 3});
  EXPECT_EQ(deep, (std::vector<float>{0, 257.0F / 65535.0F, 1}));
}

TEST(Arrange, Float16IsTheNearest) {
  std::vector<std::uint16_t> stored(65536);
  std::iota(stored.begin(), stored.end(), 0);
  const auto halves = arranged<std::uint16_t>({.scale = Scale::kFloat16}, stored, {1, 65536});
  for (std::size_t value = 0; value < stored.size(); ++value) {
    const std::uint16_t bits = halves[value];
    const double wanted = static_cast<float>(value) / 65535.0F;
    const double error = std::abs(value_of_float16(bits) - wanted);
    if (bits > 0) {
      EXPECT_LE(error, std::abs(value_of_float16(static_cast<std::uint16_t>(bits - 1)) - wanted)) << value;
    }
    EXPECT_LE(error, std::abs(value_of_float16(static_cast<std::uint16_t>(bits + 1)) - wanted)) << value;
  }
  EXPECT_EQ(halves[65535], 0x3C00);
}

TEST(Arrange, Bfloat16IsTheNearest) {
  const auto short_floats = arranged<std::uint16_t>({.scale = Scale::kBfloat16}, all_values(), {1, 256});
  const auto value_of = [](std::uint32_t bits) { return std::bit_cast<float>(bits << 16); };
  for (std::size_t value = 0; value < 256; ++value) {
    const std::uint32_t bits = short_floats[value];
    const float wanted = static_cast<float>(value) / 255.0F;
    EXPECT_LE(std::abs(value_of(bits) - wanted), std::abs(value_of(bits + 1) - wanted)) << value;
    if (bits > 0) {
      EXPECT_LE(std::abs(value_of(bits) - wanted), std::abs(value_of(bits - 1) - wanted)) << value;
    }
  }
  EXPECT_EQ(short_floats[255], 0x3F80);
}

TEST(Arrange, PlanesAndScaleGoTogether) {
  const std::vector<std::uint8_t> pixels{0, 255, 51, 102};
  EXPECT_EQ((arranged<float>({.planes = true, .scale = Scale::kFloat32}, pixels, {1, 2, 2})),
            (std::vector<float>{0, 0.2F, 1, 0.4F}));
}

}  // namespace
}  // namespace penstock::decode
