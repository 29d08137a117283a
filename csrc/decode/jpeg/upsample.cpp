#include "decode/jpeg/upsample.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "decode/jpeg/upsample.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h, which compiles this file once for each target.
#include "decode/jpeg/products-inl.h"

HWY_BEFORE_NAMESPACE();
namespace penstock::decode::jpeg::HWY_NAMESPACE {

#if PENSTOCK_HAS_VECTORS

using Shorts = hn::CappedTag<std::int16_t, 16>;
using Bytes = hn::Rebind<std::uint8_t, Shorts>;
using Short = hn::Vec<Shorts>;

HWY_INLINE Short load(const std::uint8_t* samples) { return hn::PromoteTo(Shorts(), hn::LoadU(Bytes(), samples)); }

/// 3 * near + far.
HWY_INLINE Short mixed(Short near, Short far) { return hn::Add(hn::Add(hn::ShiftLeft<1>(near), near), far); }

template <int kBits>
HWY_INLINE Short shifted(Short sum, std::int16_t rounding) {
  return hn::ShiftRight<kBits>(hn::Add(sum, hn::Set(Shorts(), rounding)));
}

/// Two samples for each one, by turns; both have 8 bits.
HWY_INLINE void store_by_turns(Short first, Short second, std::uint8_t* to) {
  const hn::Repartition<std::uint8_t, Shorts> bytes;
  hn::StoreU(hn::BitCast(bytes, hn::Or(first, hn::ShiftLeft<8>(second))), bytes, to);
}

void widen_row(const std::uint8_t* samples, std::size_t count, std::uint8_t* to) {
  for (std::size_t at = 0; at < count; at += hn::Lanes(Shorts())) {
    const Short here = load(samples + at), before = load(samples + at - 1), after = load(samples + at + 1);
    store_by_turns(shifted<2>(mixed(here, before), 1), shifted<2>(mixed(here, after), 2), to + 2 * at);
  }
}

void repeat_row(const std::uint8_t* samples, std::size_t count, std::uint8_t* to) {
  for (std::size_t at = 0; at < count; at += hn::Lanes(Bytes())) {
    const auto here = hn::LoadU(Bytes(), samples + at);
    hn::StoreInterleaved4(here, here, here, here, Bytes(), to + 4 * at);
  }
}

void between_rows(const std::uint8_t* near, const std::uint8_t* far, bool below, std::size_t count, std::uint8_t* to) {
  for (std::size_t at = 0; at < count; at += hn::Lanes(Shorts())) {
    const Short sum = mixed(load(near + at), load(far + at));
    hn::StoreU(hn::DemoteTo(Bytes(), shifted<2>(sum, below ? 2 : 1)), Bytes(), to + at);
  }
}

void widen_between_rows(const std::uint8_t* near, const std::uint8_t* far, std::size_t count, std::uint8_t* to) {
  const auto sum_at = [](const std::uint8_t* own, const std::uint8_t* other) { return mixed(load(own), load(other)); };
  for (std::size_t at = 0; at < count; at += hn::Lanes(Shorts())) {
    const std::uint8_t *const own = near + at, *const other = far + at;
    const Short here = sum_at(own, other), before = sum_at(own - 1, other - 1), after = sum_at(own + 1, other + 1);
    store_by_turns(shifted<4>(mixed(here, before), 8), shifted<4>(mixed(here, after), 7), to + 2 * at);
  }
}

#else

void widen_row(const std::uint8_t*, std::size_t, std::uint8_t*) {}
void repeat_row(const std::uint8_t*, std::size_t, std::uint8_t*) {}
void between_rows(const std::uint8_t*, const std::uint8_t*, bool, std::size_t, std::uint8_t*) {}
void widen_between_rows(const std::uint8_t*, const std::uint8_t*, std::size_t, std::uint8_t*) {}

#endif

}  // namespace penstock::decode::jpeg::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace penstock::decode::jpeg {

HWY_EXPORT(widen_row);
HWY_EXPORT(repeat_row);
HWY_EXPORT(between_rows);
HWY_EXPORT(widen_between_rows);

void widen(const std::uint8_t* samples, std::size_t count, std::uint8_t* to) {
  HWY_DYNAMIC_DISPATCH(widen_row)(samples, count, to);
}

void repeat(const std::uint8_t* samples, std::size_t count, std::uint8_t* to) {
  HWY_DYNAMIC_DISPATCH(repeat_row)(samples, count, to);
}

void between(const std::uint8_t* near, const std::uint8_t* far, bool below, std::size_t count, std::uint8_t* to) {
  HWY_DYNAMIC_DISPATCH(between_rows)(near, far, below, count, to);
}

void widen_between(const std::uint8_t* near, const std::uint8_t* far, std::size_t count, std::uint8_t* to) {
  HWY_DYNAMIC_DISPATCH(widen_between_rows)(near, far, count, to);
}

}  // namespace penstock::decode::jpeg
#endif
