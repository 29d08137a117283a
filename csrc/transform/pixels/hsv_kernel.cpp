#include "transform/pixels/hsv_kernel.h"

#include <cmath>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "transform/pixels/hsv_kernel.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h, which compiles this file once for each target.
#include "transform/pixels/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace penstock::transform::kernels::HWY_NAMESPACE {

#if HWY_NATIVE_FMA

constexpr float kSaturationDividend = 255 << kHsvShift, kHueDividend = (kHues << kHsvShift) / 6;

struct Hsv {
  Integer hue, saturation, value;
};

/// An entry of HsvTables. It is divided anew, which takes less time than bringing sixteen entries together. A quotient
/// of up to 2^20 is off by 2^-24 of it in single precision, and from a half by more: by half of the divisor's inverse.
HWY_INLINE Integer table_entry(float dividend, Integer entry) {
  const Floats d;
  const Integer quotient = hn::NearestInt(hn::Div(hn::Set(d, dividend), hn::ConvertTo(d, entry)));
  return hn::IfThenZeroElse(hn::Eq(entry, hn::Zero(Integers())), quotient);
}

HWY_INLINE Hsv to_hsv(Word pixels) {
  const Integers d;
  const auto color = [&](std::size_t number) { return signed_lanes(channel(pixels, number)); };
  const Integer blue = color(0), green = color(1), red = color(2);
  const Integer value = hn::Max(hn::Max(blue, green), red);
  const Integer range = hn::Sub(value, hn::Min(hn::Min(blue, green), red));
  const Integer after_green = hn::Add(hn::Sub(blue, red), hn::ShiftLeft<1>(range));
  const Integer after_blue = hn::Add(hn::Sub(red, green), hn::ShiftLeft<2>(range));
  const Integer sextants = hn::IfThenElse(hn::Eq(value, red), hn::Sub(green, blue),
                                          hn::IfThenElse(hn::Eq(value, green), after_green, after_blue));
  const Integer half = hn::Set(d, 1 << (kHsvShift - 1));
  const auto scaled = [&](Integer by, float dividend, Integer entry) {
    return hn::ShiftRight<kHsvShift>(hn::Add(hn::Mul(by, table_entry(dividend, entry)), half));
  };
  const Integer hue = scaled(sextants, kHueDividend, range);
  const Integer whole = hn::Set(d, kHues);
  return {hn::IfThenElse(hn::Lt(hue, hn::Zero(d)), hn::Add(hue, whole), hue), scaled(range, kSaturationDividend, value),
          value};
}

HWY_INLINE Hsv shifted(const Hsv& hsv, const HsvShift& shift) {
  const Integers d;
  const Integer hue = hn::Add(hsv.hue, hn::Set(d, shift.hue)), whole = hn::Set(d, kHues);
  const auto clipped = [&](Integer of, std::int32_t by) {
    return hn::Clamp(hn::Add(of, hn::Set(d, by)), hn::Zero(d), hn::Set(d, 255));
  };
  return {hn::IfThenElse(hn::Lt(hue, whole), hue, hn::Sub(hue, whole)), clipped(hsv.saturation, shift.saturation),
          clipped(hsv.value, shift.value)};
}

HWY_INLINE Word to_bgr(const Hsv& hsv) {
  const Floats d;
  const Integers integers;
  const Float sextants = hn::Mul(hn::ConvertTo(d, hsv.hue), hn::Set(d, 6.0F / kHues));
  const Float saturation = hn::Mul(hn::ConvertTo(d, hsv.saturation), hn::Set(d, 1.0F / 255.0F));
  const Float value = hn::Mul(hn::ConvertTo(d, hsv.value), hn::Set(d, 1.0F / 255.0F));
  const Integer sector = hn::ConvertTo(integers, sextants);
  const Float part = hn::Sub(sextants, hn::ConvertTo(d, sector)), one = hn::Set(d, 1.0F);
  const auto level = [&](Float of) {
    return unsigned_lanes(hn::ConvertTo(integers, hn::Min(hn::Mul(of, hn::Set(d, 255.0F)), hn::Set(d, 255.0F))));
  };
  const Word full = level(value);
  const Word least = level(hn::Mul(value, hn::Sub(one, saturation)));
  const Word falling = level(hn::Mul(value, hn::NegMulAdd(saturation, part, one)));
  const Word rising = level(hn::Mul(value, hn::NegMulAdd(saturation, hn::Sub(one, part), one)));
  const auto in = [&](std::int32_t number) {
    return hn::RebindMask(Words(), hn::Eq(sector, hn::Set(integers, number)));
  };
  const auto below = [&](std::int32_t number) {
    return hn::RebindMask(Words(), hn::Lt(sector, hn::Set(integers, number)));
  };
  const Word blue =
      hn::IfThenElse(below(2), least, hn::IfThenElse(in(2), rising, hn::IfThenElse(in(5), falling, full)));
  const Word green =
      hn::IfThenElse(in(0), rising, hn::IfThenElse(below(3), full, hn::IfThenElse(in(3), falling, least)));
  const Word red =
      hn::IfThenElse(hn::Or(in(0), in(5)), full, hn::IfThenElse(in(1), falling, hn::IfThenElse(in(4), rising, least)));
  return hn::Or(blue, hn::Or(hn::ShiftLeft<8>(green), hn::ShiftLeft<16>(red)));
}

std::size_t shift_hsv_of_row(std::uint8_t* pixels, std::size_t count, const HsvShift& shift) {
  const Words d;
  auto* const words = reinterpret_cast<std::uint32_t*>(pixels);
  const std::size_t done = count / hn::Lanes(d) * hn::Lanes(d);
  for (std::size_t i = 0; i < done; i += hn::Lanes(d)) {
    hn::StoreU(to_bgr(shifted(to_hsv(hn::LoadU(d, words + i)), shift)), d, words + i);
  }
  return done;
}

#else

std::size_t shift_hsv_of_row(std::uint8_t*, std::size_t, const HsvShift&) { return 0; }

#endif

}  // namespace penstock::transform::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace penstock::transform::kernels {

HWY_EXPORT(shift_hsv_of_row);

const HsvTables& HsvTables::get() {
  static const HsvTables tables = [] {
    HsvTables made;
    for (std::size_t i = 1; i < 256; ++i) {
      made.saturation[i] = static_cast<std::int32_t>(std::lrint((255 << kHsvShift) / static_cast<double>(i)));
      made.hue[i] = static_cast<std::int32_t>(std::lrint((kHues << kHsvShift) / (6.0 * static_cast<double>(i))));
    }
    return made;
  }();
  return tables;
}

std::size_t shift_hsv(std::uint8_t* pixels, std::size_t count, const HsvShift& shift) {
  return HWY_DYNAMIC_DISPATCH(shift_hsv_of_row)(pixels, count, shift);
}

}  // namespace penstock::transform::kernels
#endif
