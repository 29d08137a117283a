// Products of 16 bits summed by pairs, and 16 bits cut to 8, for the instruction set that the including file is being
// compiled for. To be included after hwy/foreach_target.h, which includes that file once for each: hence no include
// guard of the usual kind.

#if defined(PENSTOCK_DECODE_JPEG_PRODUCTS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef PENSTOCK_DECODE_JPEG_PRODUCTS_INL_H
#undef PENSTOCK_DECODE_JPEG_PRODUCTS_INL_H
#else
#define PENSTOCK_DECODE_JPEG_PRODUCTS_INL_H
#endif

#include <cstdint>

#include <hwy/highway.h>

/// Whether this folder's kernels are there: not for vectors of unknown width, nor where there are none.
#undef PENSTOCK_HAS_VECTORS
#define PENSTOCK_HAS_VECTORS (!HWY_HAVE_SCALABLE && HWY_TARGET != HWY_SCALAR)

#if PENSTOCK_HAS_VECTORS

HWY_BEFORE_NAMESPACE();
namespace penstock::decode::jpeg::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

#if HWY_ARCH_X86 && HWY_TARGET != HWY_EMU128

// Highway has this since 1.0.5; Debian 12 has an older one.
HWY_INLINE hn::Vec128<std::int32_t> summed_products(hn::Vec128<std::int16_t> a, hn::Vec128<std::int16_t> b) {
  return hn::Vec128<std::int32_t>{_mm_madd_epi16(a.raw, b.raw)};
}
HWY_INLINE hn::Vec128<std::uint8_t> cut(hn::Vec128<std::int16_t> lower, hn::Vec128<std::int16_t> upper) {
  return hn::Vec128<std::uint8_t>{_mm_packus_epi16(lower.raw, upper.raw)};
}
#if HWY_TARGET <= HWY_AVX2
HWY_INLINE hn::Vec256<std::int32_t> summed_products(hn::Vec256<std::int16_t> a, hn::Vec256<std::int16_t> b) {
  return hn::Vec256<std::int32_t>{_mm256_madd_epi16(a.raw, b.raw)};
}
HWY_INLINE hn::Vec256<std::uint8_t> cut(hn::Vec256<std::int16_t> lower, hn::Vec256<std::int16_t> upper) {
  return hn::Vec256<std::uint8_t>{_mm256_packus_epi16(lower.raw, upper.raw)};
}
#endif
#if HWY_TARGET <= HWY_AVX3
HWY_INLINE hn::Vec512<std::int32_t> summed_products(hn::Vec512<std::int16_t> a, hn::Vec512<std::int16_t> b) {
  return hn::Vec512<std::int32_t>{_mm512_madd_epi16(a.raw, b.raw)};
}
#endif

#else

template <typename Short>
HWY_INLINE auto summed_products(Short a, Short b) {
  const hn::RepartitionToWide<hn::DFromV<Short>> wide;
  const auto odd = [&](Short x) { return hn::ShiftRight<16>(hn::BitCast(wide, x)); };
  const auto even = [&](Short x) { return hn::ShiftRight<16>(hn::ShiftLeft<16>(hn::BitCast(wide, x))); };
  return hn::Add(hn::Mul(even(a), even(b)), hn::Mul(odd(a), odd(b)));
}

/// Elsewhere vectors have 16 bytes.
template <typename Short>
HWY_INLINE auto cut(Short lower, Short upper) {
  const hn::RepartitionToNarrow<hn::RebindToUnsigned<hn::DFromV<Short>>> bytes;
  const hn::Half<decltype(bytes)> half;
  return hn::Combine(bytes, hn::DemoteTo(half, upper), hn::DemoteTo(half, lower));
}

#endif

/// The factors a and b by turns, for summed_products().
template <class D>
HWY_INLINE hn::Vec<D> factor_pair(D d, int a, int b) {
  const auto both = static_cast<std::uint32_t>(a & 0xFFFF) | static_cast<std::uint32_t>(b) << 16;
  return hn::BitCast(d, hn::Set(hn::RebindToUnsigned<hn::RepartitionToWide<D>>(), both));
}

}  // namespace penstock::decode::jpeg::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
#endif
