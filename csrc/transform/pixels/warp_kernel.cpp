#include "transform/pixels/warp_kernel.h"

#include <cstring>

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
  const auto scale_of = [&](Double w) { return hn::IfThenZeroElse(hn::Eq(w, hn::Zero(d)), hn::Div(positions, w)); };
  const bool affine = m[6] == 0;
  Double scale = scale_of(w0);
  for (std::size_t i = 0; i < count; i += hn::Lanes(d)) {
    const Double column = hn::Iota(d, static_cast<double>(i));
    if (!affine) scale = scale_of(hn::Add(w0, hn::Mul(hn::Set(d, m[6]), column)));
    const HalfIntegers integers;
    hn::StoreU(rounded(hn::Mul(hn::Add(x0, hn::Mul(hn::Set(d, m[0]), column)), scale)), integers, x + i);
    hn::StoreU(rounded(hn::Mul(hn::Add(y0, hn::Mul(hn::Set(d, m[3]), column)), scale)), integers, y + i);
  }
}

/// So many pixels of the result are sampled together.
constexpr std::size_t kBlock = 128;

/// The pixels that a block is made of, two side by side each, so that vectors read them in order: to bring sixteen
/// together from all over an image takes a processor far longer.
struct Pairs {
  alignas(64) std::uint64_t upper[kBlock];
  alignas(64) std::uint64_t lower[kBlock];
};

HWY_INLINE void bring_together(const ByteImage& image, const std::int32_t* x, const std::int32_t* y, std::size_t count,
                               Pairs& pairs) {
  const auto width = static_cast<std::ptrdiff_t>(image.extent.width);
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint8_t* const pixel = image.pixels + 4 * ((y[i] >> 5) * width + (x[i] >> 5));
    std::memcpy(&pairs.upper[i], pixel, 8);
    std::memcpy(&pairs.lower[i], pixel + 4 * width, 8);
  }
}

/// The weighted means of a vector of pairs, the left weights in the low halves.
class Mean {
 public:
  HWY_INLINE Mean(const std::uint64_t* pairs, Integer left_weights, Integer right_weights) {
    const Words d;
    Word left, right;
    hn::LoadInterleaved2(d, reinterpret_cast<const std::uint32_t*>(pairs), left, right);
    const Word low_half = hn::Set(d, 0x0000FFFFU);
    first_two_ = hn::Or(hn::And(left, low_half), hn::ShiftLeft<16>(right));
    third_ = hn::Or(hn::ShiftRight<16>(left), hn::AndNot(low_half, right));
    weights_ = hn::Or(unsigned_lanes(left_weights), hn::ShiftLeft<16>(unsigned_lanes(right_weights)));
  }

  HWY_INLINE Integer sum(std::size_t channel) const {
    const Word pair = channel == 0 ? first_two_ : channel == 1 ? hn::ShiftRight<8>(first_two_) : third_;
    return dot(hn::And(pair, hn::Set(Words(), 0x00FF00FFU)), weights_);
  }

 private:
  Word first_two_, third_, weights_;
};

/// Whole vectors of pixels that lie inside of the image.
HWY_INLINE void sample_block(const ByteImage& image, const std::int32_t* x, const std::int32_t* y, std::size_t count,
                             std::uint32_t* out) {
  const Integers d;
  const Words words;
  Pairs pairs;
  bring_together(image, x, y, count, pairs);
  const Integer whole = hn::Set(d, kPositions), mask = hn::Set(d, kPositions - 1), half = hn::Set(d, 512);
  for (std::size_t i = 0; i < count; i += hn::Lanes(d)) {
    const Integer right = hn::And(hn::LoadU(d, x + i), mask), low = hn::And(hn::LoadU(d, y + i), mask);
    const Integer left = hn::Sub(whole, right), up = hn::Sub(whole, low);
    const Mean upper(pairs.upper + i, hn::Mul(left, up), hn::Mul(right, up));
    const Mean lower(pairs.lower + i, hn::Mul(left, low), hn::Mul(right, low));
    Word result = hn::Zero(words);
    for (std::size_t c = 0; c < 3; ++c) {
      const Integer sum = hn::ShiftRight<10>(hn::Add(hn::Add(upper.sum(c), lower.sum(c)), half));
      result = hn::Or(result, hn::ShiftLeftSame(unsigned_lanes(sum), static_cast<int>(8 * c)));
    }
    hn::StoreU(result, words, out + i);
  }
}

/// Where a vector of positions lies.
enum class Where : std::uint8_t { kInside, kBeyond, kAtBorder };

HWY_INLINE Where where(const ByteImage& image, Integer x, Integer y) {
  const Integers d;
  const Integer column = hn::ShiftRight<5>(x), row = hn::ShiftRight<5>(y);
  const Integer last_column = hn::Set(d, image.extent.width - 1), last_row = hn::Set(d, image.extent.height - 1);
  const Integer before = hn::Set(d, -1);
  const auto inside = hn::And(hn::And(hn::Gt(column, before), hn::Lt(column, last_column)),
                              hn::And(hn::Gt(row, before), hn::Lt(row, last_row)));
  if (hn::AllTrue(d, inside)) return Where::kInside;
  const auto beyond = hn::Or(hn::Or(hn::Lt(column, before), hn::Gt(column, last_column)),
                             hn::Or(hn::Lt(row, before), hn::Gt(row, last_row)));
  return hn::AllTrue(d, beyond) ? Where::kBeyond : Where::kAtBorder;
}

std::size_t sample_of_row(const ByteImage& image, const std::int32_t* x, const std::int32_t* y, std::size_t first,
                          std::size_t count, std::uint32_t border, std::uint8_t* out) {
  const Integers d;
  const Words words;
  const std::size_t lanes = hn::Lanes(d);
  auto* const to = reinterpret_cast<std::uint32_t*>(out);
  std::size_t i = first;
  while (i + lanes <= count) {
    std::size_t end = i;  // of a block
    Where found = Where::kInside;
    while (end + lanes <= count && end - i + lanes <= kBlock) {
      found = where(image, hn::LoadU(d, x + end), hn::LoadU(d, y + end));
      if (found != Where::kInside) break;
      end += lanes;
    }
    if (end > i) sample_block(image, x + i, y + i, end - i, to + i);
    i = end;
    if (found == Where::kAtBorder) return i;
    if (found == Where::kBeyond) {
      hn::StoreU(hn::Set(words, border), words, to + i);
      i += lanes;
    }
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
