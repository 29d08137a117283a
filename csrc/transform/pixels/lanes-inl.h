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

}  // namespace penstock::transform::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
