// Vectors of pixels of four bytes, for the instruction set that the including file is being compiled for. To be
// included after hwy/foreach_target.h, which includes that file once for each: hence no include guard of the usual
// kind.

#if defined(PENSTOCK_TRANSFORM_LANES_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef PENSTOCK_TRANSFORM_LANES_INL_H
#undef PENSTOCK_TRANSFORM_LANES_INL_H
#else
#define PENSTOCK_TRANSFORM_LANES_INL_H
#endif

#include <cstddef>
#include <cstdint>

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace penstock::transform::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::ScalableTag<float>;
using Integers = hn::RebindToSigned<Floats>;
using Words = hn::RebindToUnsigned<Floats>;
using Float = hn::Vec<Floats>;
using Integer = hn::Vec<Integers>;
using Word = hn::Vec<Words>;

/// One byte of each pixel, 0 to 255.
HWY_INLINE Word channel(Word pixels, std::size_t number) {
  return hn::And(hn::ShiftRightSame(pixels, static_cast<int>(8 * number)), hn::Set(Words(), 0xFFU));
}

HWY_INLINE Integer signed_lanes(Word values) { return hn::BitCast(Integers(), values); }

HWY_INLINE Word unsigned_lanes(Integer values) { return hn::BitCast(Words(), values); }

/// Of the halves of each 32-bit lane: first times first plus second times second, signed.
HWY_INLINE Integer dot(Word pixels, Word weights) {
#if HWY_TARGET <= HWY_AVX3
  return Integer{_mm512_madd_epi16(pixels.raw, weights.raw)};
#elif HWY_TARGET == HWY_AVX2
  return Integer{_mm256_madd_epi16(pixels.raw, weights.raw)};
#elif HWY_TARGET == HWY_SSE4 || HWY_TARGET == HWY_SSSE3
  return Integer{_mm_madd_epi16(pixels.raw, weights.raw)};
#else
  const Words d;
  const Word low = hn::Set(d, 0xFFFFU);
  return hn::BitCast(Integers(), hn::Add(hn::Mul(hn::And(pixels, low), hn::And(weights, low)),
                                         hn::Mul(hn::ShiftRight<16>(pixels), hn::ShiftRight<16>(weights))));
#endif
}

}  // namespace penstock::transform::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
