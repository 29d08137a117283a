#include "transform/pixels/warp_kernel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "transform/pixels/warp_kernel.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h, which compiles this file once for each target.
#include "transform/pixels/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace penstock::transform::kernels::HWY_NAMESPACE {

using HalfIntegers = hn::Half<Integers>;
using Doubles = hn::Rebind<double, HalfIntegers>;
using Double = hn::Vec<Doubles>;

/// A position in fixed point; NaN counts as 0.
HWY_INLINE hn::Vec<HalfIntegers> rounded(Double value) {
  const Doubles d;
  const Double most = hn::Set(d, static_cast<double>(1 << 30));
  const Double number = hn::IfThenZeroElse(hn::IsNaN(value), value);
  return hn::DemoteTo(HalfIntegers(), hn::Round(hn::Max(hn::Neg(most), hn::Min(number, most))));
}

void positions_of_row(const std::array<double, 9>& m, std::int32_t row, std::size_t count, std::int32_t* x,
                      std::int32_t* y) {
  const Doubles d;
  const Double x0 = hn::Set(d, m[1] * row + m[2]), y0 = hn::Set(d, m[4] * row + m[5]);
  const Double w0 = hn::Set(d, m[7] * row + m[8]), positions = hn::Set(d, static_cast<double>(kPositions));
  for (std::size_t i = 0; i < count; i += hn::Lanes(d)) {
    const Double column = hn::Iota(d, static_cast<double>(i));
    const Double w = hn::Add(w0, hn::Mul(hn::Set(d, m[6]), column));
    const Double scale = hn::IfThenZeroElse(hn::Eq(w, hn::Zero(d)), hn::Div(positions, w));
    const HalfIntegers integers;
    hn::StoreU(rounded(hn::Mul(hn::Add(x0, hn::Mul(hn::Set(d, m[0]), column)), scale)), integers, x + i);
    hn::StoreU(rounded(hn::Mul(hn::Add(y0, hn::Mul(hn::Set(d, m[3]), column)), scale)), integers, y + i);
  }
}

struct Weights {
  Integer upper_left, upper_right, lower_left, lower_right;
};

HWY_INLINE Weights weights_of(Integer x, Integer y) {
  const Integers d;
  const Integer whole = hn::Set(d, kPositions), mask = hn::Set(d, kPositions - 1);
  const Integer right = hn::And(x, mask), low = hn::And(y, mask);
  const Integer left = hn::Sub(whole, right), up = hn::Sub(whole, low);
  return {hn::Mul(left, up), hn::Mul(right, up), hn::Mul(left, low), hn::Mul(right, low)};
}

/// The weighted mean of the pixels at `offset`, right of it, below, and right of that.
HWY_INLINE Word mean(const std::uint32_t* pixels, std::int32_t width, Integer offset, const Weights& weights) {
  const Words words;
  const Integers d;
  const Word upper_left = hn::GatherIndex(words, pixels, offset);
  const Word upper_right = hn::GatherIndex(words, pixels + 1, offset);
  const Word lower_left = hn::GatherIndex(words, pixels + width, offset);
  const Word lower_right = hn::GatherIndex(words, pixels + width + 1, offset);
  Word result = hn::Zero(words);
  for (std::size_t c = 0; c < 3; ++c) {
    const auto part = [&](Word pixel, Integer weight) { return hn::Mul(signed_lanes(channel(pixel, c)), weight); };
    const Integer sum = hn::Add(hn::Add(part(upper_left, weights.upper_left), part(upper_right, weights.upper_right)),
                                hn::Add(part(lower_left, weights.lower_left), part(lower_right, weights.lower_right)));
    const Integer rounded_sum = hn::ShiftRight<10>(hn::Add(sum, hn::Set(d, 512)));
    result = hn::Or(result, hn::ShiftLeftSame(unsigned_lanes(rounded_sum), static_cast<int>(8 * c)));
  }
  return result;
}

std::size_t sample_of_row(const ByteImage& image, const std::int32_t* x, const std::int32_t* y, std::size_t first,
                          std::size_t count, std::uint32_t border, std::uint8_t* out) {
  const Integers d;
  const Words words;
  const auto* const pixels = reinterpret_cast<const std::uint32_t*>(image.pixels);
  const Integer width = hn::Set(d, image.extent.width);
  const Integer last_column = hn::Set(d, image.extent.width - 1), last_row = hn::Set(d, image.extent.height - 1);
  const Integer before = hn::Set(d, -1);
  std::size_t i = first;
  for (; i + hn::Lanes(d) <= count; i += hn::Lanes(d)) {
    const Integer at_x = hn::LoadU(d, x + i), at_y = hn::LoadU(d, y + i);
    const Integer column = hn::ShiftRight<5>(at_x), row = hn::ShiftRight<5>(at_y);
    auto* const to = reinterpret_cast<std::uint32_t*>(out) + i;
    const auto inside = hn::And(hn::And(hn::Gt(column, before), hn::Lt(column, last_column)),
                                hn::And(hn::Gt(row, before), hn::Lt(row, last_row)));
    if (hn::AllTrue(d, inside)) {
      const Integer offset = hn::Add(hn::Mul(row, width), column);
      hn::StoreU(mean(pixels, image.extent.width, offset, weights_of(at_x, at_y)), words, to);
      continue;
    }
    const auto beyond = hn::Or(hn::Or(hn::Lt(column, before), hn::Gt(column, last_column)),
                               hn::Or(hn::Lt(row, before), hn::Gt(row, last_row)));
    if (!hn::AllTrue(d, beyond)) return i;
    hn::StoreU(hn::Set(words, border), words, to);
  }
  return i;
}

}  // namespace penstock::transform::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace penstock::transform::kernels {

HWY_EXPORT(positions_of_row);
HWY_EXPORT(sample_of_row);

void source_positions(const std::array<double, 9>& to_source, std::int32_t row, std::size_t count, std::int32_t* x,
                      std::int32_t* y) {
  HWY_DYNAMIC_DISPATCH(positions_of_row)(to_source, row, count, x, y);
}

std::size_t sample_row(const ByteImage& image, const std::int32_t* x, const std::int32_t* y, std::size_t first,
                       std::size_t count, std::uint32_t border, std::uint8_t* out) {
  return HWY_DYNAMIC_DISPATCH(sample_of_row)(image, x, y, first, count, border, out);
}

}  // namespace penstock::transform::kernels
#endif
