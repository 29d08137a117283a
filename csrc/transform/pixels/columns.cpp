#include "transform/pixels/columns.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace penstock::transform {
namespace {

/// A column as the weighted sum of a source pixel, its right neighbour, and the color beside the image.
struct Mixture {
  std::int32_t left = 0;
  float weights[3] = {};
  std::int32_t integers[3] = {};

  void put(int place, float weight, std::int16_t integer) {
    weights[place] += weight;
    integers[place] += integer;
  }
};

constexpr int kLeft = 0, kRight = 1, kBeside = 2;

Mixture mix(const Tap& tap, const AxisWindow& window, std::int32_t width) {
  Mixture mixture;
  const bool has_first = window.shows(tap.first);
  const bool has_second = window.shows(tap.second);
  const std::int32_t first = has_first ? window.shown(tap.first) : 0;
  const std::int32_t second = has_second ? window.shown(tap.second) : 0;
  if (has_first || has_second) {
    mixture.left = has_first && has_second ? std::min(first, second) : has_first ? first : second;
    // The last pixel is a right neighbour: nothing is read beyond the row.
    if (mixture.left == width - 1 && width > 1) --mixture.left;
  }
  const auto place = [&mixture](bool has, std::int32_t at) {
    return !has ? kBeside : at == mixture.left ? kLeft : kRight;
  };
  mixture.put(place(has_first, first), tap.first_weight, tap.first_integer);
  mixture.put(place(has_second, second), tap.second_weight, tap.second_integer);
  return mixture;
}

}  // namespace

ColumnTable::ColumnTable(const std::vector<Tap>& taps, const AxisWindow& after, const Window& before,
                         std::int32_t width, bool integer) {
  const std::size_t count = after.begin < after.end ? static_cast<std::size_t>(after.end - after.begin) : 0;
  const std::size_t stride = (count + 127) / 64 * 64;
  memory_ = Scratch(stride * 8 * sizeof(float));
  std::memset(memory_.as<std::byte>(), 0, stride * 8 * sizeof(float));
  auto* const left = memory_.as<std::int32_t>();
  auto* const integers = memory_.as<std::uint32_t>() + stride;
  float* const floats = memory_.as<float>() + 2 * stride;
  columns_ = {count, left, integers, floats, floats + stride, nullptr, {}};
  // Of an image that is not seen at all, no column is.
  AxisWindow window = before.x();
  if (before.empty()) window.end = window.begin;
  bool has_beside = false;
  for (std::size_t i = 0; i < count; ++i) {
    const auto at = static_cast<std::size_t>(after.shown(after.begin + static_cast<std::int32_t>(i)));
    const Mixture mixture = mix(taps[at], window, width);
    left[i] = mixture.left;
    integers[i] = static_cast<std::uint32_t>(mixture.integers[kLeft]) |
                  static_cast<std::uint32_t>(mixture.integers[kRight]) << 16;
    floats[i] = mixture.weights[kLeft];
    floats[stride + i] = mixture.weights[kRight];
    const Color3 value = before.layers().empty() ? Color3{} : before.layers().front().value;
    const float weight = integer ? static_cast<float>(mixture.integers[kBeside]) : mixture.weights[kBeside];
    for (std::size_t c = 0; c < 3; ++c) floats[(2 + c) * stride + i] = weight * value[c];
    has_beside = has_beside || mixture.weights[kBeside] != 0;
  }
  if (has_beside) columns_.beside = {floats + 2 * stride, floats + 3 * stride, floats + 4 * stride};
  find_windows(left, memory_.as<std::int32_t>() + 7 * stride);
}

void ColumnTable::find_windows(std::int32_t* left, std::int32_t* windows) {
  const std::size_t count = columns_.count;
  // Columns that show no pixel may be given any: the nearest.
  const auto shows_none = [this](std::size_t i) {
    return columns_.left_weights[i] == 0 && columns_.right_weights[i] == 0;
  };
  for (std::size_t i = 1; i < count; ++i) {
    if (shows_none(i)) left[i] = left[i - 1];
  }
  for (std::size_t i = count; i-- > 1;) {
    if (shows_none(i - 1)) left[i - 1] = left[i];
  }
  for (std::size_t i = 0; i < count; i += kernels::kWindowColumns) {
    const auto [first, last] = std::minmax_element(left + i, left + std::min(count, i + kernels::kWindowColumns));
    if (*last + 1 - *first >= kernels::kWindowPixels) return;
    windows[i / kernels::kWindowColumns] = *first;
  }
  columns_.windows = windows;
}

}  // namespace penstock::transform
