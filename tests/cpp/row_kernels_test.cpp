#include "transform/pixels/row_kernels.h"

#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <tuple>
#include <vector>

namespace penstock::transform::kernels {
namespace {

/// As Scratch: room for what vectors read and write beyond the end.
constexpr std::size_t kRoom = 512;

/// Instruction set, and number of pixels.
class RowKernels : public testing::TestWithParam<std::tuple<std::int64_t, std::size_t>> {
 protected:
  void SetUp() override { hwy::SetSupportedTargetsForTest(std::get<0>(GetParam())); }
  void TearDown() override { hwy::SetSupportedTargetsForTest(0); }

  std::size_t count() const { return std::get<1>(GetParam()); }

  template <class T>
  std::vector<T> random(std::size_t size, double low, double high) {
    std::uniform_real_distribution<> values(low, high);
    std::vector<T> made(size + kRoom);
    std::generate_n(made.begin(), size, [&] { return static_cast<T>(values(random_)); });
    return made;
  }
  template <class T>
  std::array<std::vector<T>, 3> random_planes(double low, double high) {
    return {random<T>(count(), low, high), random<T>(count(), low, high), random<T>(count(), low, high)};
  }

  std::mt19937 random_{7};
};

template <class T>
Planes<const T> read(const std::array<std::vector<T>, 3>& rows) {
  return {rows[0].data(), rows[1].data(), rows[2].data()};
}

/// Rows of exactly `count` elements: a sanitizer sees what is written beyond them.
template <class T>
class Output {
 public:
  explicit Output(std::size_t count) : rows_{std::vector<T>(count), std::vector<T>(count), std::vector<T>(count)} {}
  Planes<T> planes() { return {rows_[0].data(), rows_[1].data(), rows_[2].data()}; }
  const std::vector<T>& operator[](std::size_t c) const { return rows_[c]; }

 private:
  std::array<std::vector<T>, 3> rows_;
};

/// Columns of a row of `width` pixels, at random.
struct RandomColumns {
  std::vector<std::int32_t> left;
  std::vector<std::uint32_t> integers;
  std::vector<float> left_weights, right_weights;
  std::array<std::vector<float>, 3> beside;
  std::vector<std::int32_t> windows;
  Columns columns;

  void find_windows() {
    for (std::size_t i = 0; i < columns.count; i += kWindowColumns) {
      const std::int32_t last = left[std::min(columns.count, i + kWindowColumns) - 1];
      if (last + 1 - left[i] >= kWindowPixels) return;
      windows.push_back(left[i]);
    }
    columns.windows = windows.data();
  }

  RandomColumns(std::size_t count, std::int32_t width, double scale, bool has_beside)
      : left(count + kRoom), integers(count + kRoom), left_weights(count + kRoom), right_weights(count + kRoom) {
    std::mt19937 random(3);
    for (std::size_t i = 0; i < count; ++i) {
      left[i] = std::min(static_cast<std::int32_t>(static_cast<double>(i) * scale), width - 2);
      const auto weight = static_cast<std::uint32_t>(random() % 2049);
      integers[i] = (2048 - weight) | weight << 16;
      left_weights[i] = static_cast<float>(2048 - weight) / 2048;
      right_weights[i] = static_cast<float>(weight) / 2048;
    }
    columns = {count, left.data(), integers.data(), left_weights.data(), right_weights.data(), nullptr, {}};
    find_windows();
    for (std::size_t c = 0; c < 3 && has_beside; ++c) {
      beside[c].resize(count + kRoom);
      for (std::size_t i = 0; i < count; i += 3) beside[c][i] = static_cast<float>(c + 1);
      columns.beside[c] = beside[c].data();
    }
  }
};

TEST_P(RowKernels, ResampleBytes) {
  for (const double scale : {0.3, 1.0, 1.7, 3.9}) {
    for (const bool has_beside : {false, true}) {
      const auto width = static_cast<std::int32_t>(static_cast<double>(count()) * scale) + 2;
      const auto row = random<std::uint8_t>(static_cast<std::size_t>(width) * 4, 0, 256);
      const RandomColumns made(count(), width, scale, has_beside);
      std::vector<std::uint64_t> pairs(count() + kRoom);
      std::array<std::vector<std::int16_t>, 3> sums;
      std::array<std::vector<float>, 3> floats;
      for (std::size_t c = 0; c < 3; ++c) sums[c].resize(count() + kRoom), floats[c].resize(count() + kRoom);
      resample(row.data(), made.columns, pairs.data(), {sums[0].data(), sums[1].data(), sums[2].data()});
      resample(row.data(), made.columns, pairs.data(), {floats[0].data(), floats[1].data(), floats[2].data()});
      for (std::size_t c = 0; c < 3; ++c) {
        for (std::size_t i = 0; i < count(); ++i) {
          const auto at = static_cast<std::size_t>(made.left[i]) * 4 + c;
          const auto beside = has_beside ? made.beside[c][i] : 0.0F;
          const int weights[2] = {static_cast<int>(made.integers[i] & 0xFFFF),
                                  static_cast<int>(made.integers[i] >> 16)};
          ASSERT_EQ(sums[c][i], (row[at] * weights[0] + row[at + 4] * weights[1] + static_cast<int>(beside)) >> 4);
          ASSERT_EQ(floats[c][i], static_cast<float>(row[at]) * made.left_weights[i] +
                                      static_cast<float>(row[at + 4]) * made.right_weights[i] + beside);
        }
      }
    }
  }
}

TEST_P(RowKernels, ResampleFloats) {
  const auto width = static_cast<std::int32_t>(count()) + 2;
  const auto row = random<float>(static_cast<std::size_t>(width) * 4, -5, 260);
  const RandomColumns made(count(), width, 1.0, true);
  std::array<std::vector<float>, 3> out;
  for (auto& plane : out) plane.resize(count() + kRoom);
  resample(row.data(), made.columns, {out[0].data(), out[1].data(), out[2].data()});
  for (std::size_t c = 0; c < 3; ++c) {
    for (std::size_t i = 0; i < count(); ++i) {
      const auto at = static_cast<std::size_t>(made.left[i]) * 4 + c;
      ASSERT_EQ(out[c][i], row[at] * made.left_weights[i] + row[at + 4] * made.right_weights[i] + made.beside[c][i]);
    }
  }
}

TEST_P(RowKernels, BlendSums) {
  const auto first = random_planes<std::int16_t>(0, 32641);
  const auto second = random_planes<std::int16_t>(0, 32641);
  const Affine affine{{1, 2, 3}, {0.3, 2, 3}};
  for (const int share : {0, 1, 700, 2047, 2048}) {
    const auto weight = static_cast<std::int16_t>(share);
    const auto rest = static_cast<std::int16_t>(2048 - weight);
    Output<std::uint8_t> bytes(count());
    Output<float> floats(count());
    blend(read(first), read(second), weight, rest, count(), bytes.planes());
    blend(read(first), read(second), weight, rest, affine, count(), floats.planes());
    for (std::size_t c = 0; c < 3; ++c) {
      for (std::size_t i = 0; i < count(); ++i) {
        const int value = (((first[c][i] * weight) >> 16) + ((second[c][i] * rest) >> 16) + 2) >> 2;
        ASSERT_EQ(bytes[c][i], value);
        ASSERT_EQ(floats[c][i], static_cast<float>((static_cast<float>(value) - affine.offset[c]) * affine.scale[c]));
      }
    }
  }
}

TEST_P(RowKernels, BlendFloats) {
  const auto first = random_planes<float>(-10, 300);
  const auto second = random_planes<float>(-10, 300);
  const Affine affine{{1, 2, 3}, {0.3, 2, 3}};
  Output<float> out(count());
  blend(read(first), read(second), 0.3F, 0.7F, affine, count(), out.planes());
  for (std::size_t c = 0; c < 3; ++c) {
    for (std::size_t i = 0; i < count(); ++i) {
      ASSERT_EQ(out[c][i],
                static_cast<float>((first[c][i] * 0.3F + second[c][i] * 0.7F - affine.offset[c]) * affine.scale[c]));
    }
  }
}

TEST_P(RowKernels, AffineMayChangeTheOrderOfRowsInPlace) {
  auto rows = random_planes<float>(-10, 300);
  const auto before = rows;
  const Affine affine{{1, 2, 3}, {0.3, 2, 3}};
  apply(read(rows), affine, count(), {rows[2].data(), rows[0].data(), rows[1].data()});
  constexpr std::size_t kTo[3] = {2, 0, 1};
  for (std::size_t c = 0; c < 3; ++c) {
    for (std::size_t i = 0; i < count(); ++i) {
      ASSERT_EQ(rows[kTo[c]][i], static_cast<float>((before[c][i] - affine.offset[c]) * affine.scale[c]));
    }
  }
}

/// OpenCV's formulas with their branches, in double.
std::array<double, 3> photometric_of(const Photometric& p, std::array<double, 3> bgr) {
  for (double& value : bgr) value = (value + p.brightness) * p.contrast_before;
  const double value = *std::max_element(bgr.begin(), bgr.end());
  const double range = value - *std::min_element(bgr.begin(), bgr.end());
  double hue = 0;
  if (range > 0) {
    if (value == bgr[2]) {
      hue = 60 * (bgr[1] - bgr[0]) / range;
    } else if (value == bgr[1]) {
      hue = 60 * (bgr[0] - bgr[2]) / range + 120;
    } else {
      hue = 60 * (bgr[2] - bgr[1]) / range + 240;
    }
  }
  hue = std::fmod(hue + p.hue + 720, 360) / 60;
  const double share = value == 0 ? 0 : range / std::abs(value) * p.saturation;
  const double saturation = std::min(share, static_cast<double>(p.largest_saturation));
  const int sector = static_cast<int>(hue);
  const double part = hue - sector;
  const double levels[4] = {value, value * (1 - saturation), value * (1 - saturation * part),
                            value * (1 - saturation * (1 - part))};
  constexpr int kLevels[6][3] = {{1, 3, 0}, {1, 0, 2}, {3, 0, 1}, {0, 2, 1}, {0, 1, 3}, {2, 1, 0}};
  for (std::size_t c = 0; c < 3; ++c) bgr[c] = levels[kLevels[sector][c]] * p.contrast_after;
  return bgr;
}

TEST_P(RowKernels, Photometric) {
  auto rows = random_planes<float>(0, 255);
  for (std::size_t i = 0; i < count(); i += 5) rows[1][i] = rows[2][i] = rows[0][i];  // gray
  for (std::size_t i = 1; i < count(); i += 5) rows[1][i] = rows[2][i];
  const Affine affine{{10, 20, 30}, {0.5F, 2, 1}};
  for (const auto& p :
       {transform::Photometric{}, transform::Photometric{-32, 0.5F, 1.5F, 18, 1.2F},
        transform::Photometric{30, 1.5F, 0.6F, -18, 1}, transform::Photometric{30, 1.5F, 3, -18, 1, {0, 1, 2}, 1}}) {
    Output<float> out(count());
    apply(read(rows), p, affine, count(), out.planes());
    for (std::size_t i = 0; i < count(); ++i) {
      const std::array<double, 3> expected = photometric_of(p, {rows[0][i], rows[1][i], rows[2][i]});
      for (std::size_t c = 0; c < 3; ++c) {
        ASSERT_NEAR(out[c][i], (expected[c] - affine.offset[c]) * affine.scale[c], 1e-3) << i << ' ' << c;
      }
    }
  }
}

TEST_P(RowKernels, LayoutsOfPixels) {
  for (const std::uint32_t channels : {1U, 3U}) {
    std::vector<std::uint8_t> from(count() * channels);
    std::generate(from.begin(), from.end(), [this] { return static_cast<std::uint8_t>(random_()); });
    std::vector<std::uint8_t> to(count() * 4);
    widen_pixels(from.data(), channels, count(), to.data());
    for (std::size_t i = 0; i < count() * 3; ++i) {
      ASSERT_EQ(to[i / 3 * 4 + i % 3], from[channels == 1 ? i / 3 : i]);
    }
  }
  const auto bytes = random_planes<std::uint8_t>(0, 256);
  const auto floats = random_planes<float>(0, 256);
  for (const std::uint32_t channels : {1U, 3U, 4U}) {
    std::vector<std::uint8_t> byte_pixels(count() * channels);
    std::vector<float> float_pixels(count() * channels);
    interleave(read(bytes), channels, count(), byte_pixels.data());
    interleave(read(floats), channels, count(), float_pixels.data());
    for (std::size_t i = 0; i < byte_pixels.size(); ++i) {
      const std::size_t c = i % channels;
      ASSERT_EQ(byte_pixels[i], c == 3 ? 0 : bytes[c][i / channels]);
      ASSERT_EQ(float_pixels[i], c == 3 ? 0 : floats[c][i / channels]);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(EveryTarget, RowKernels,
                         testing::Combine(testing::ValuesIn(hwy::SupportedAndGeneratedTargets()),
                                          testing::Values<std::size_t>(1, 2, 15, 16, 17, 31, 32, 33, 64, 100, 257)),
                         [](const auto& param_info) {
                           return std::string(hwy::TargetName(std::get<0>(param_info.param))) + "_" +
                                  std::to_string(std::get<1>(param_info.param));
                         });

}  // namespace
}  // namespace penstock::transform::kernels
