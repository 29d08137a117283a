#include "decode/jpeg/colour.h"

#include <algorithm>
#include <array>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "decode/jpeg/colour.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h, which compiles this file once for each target.
#include "decode/jpeg/products-inl.h"

HWY_BEFORE_NAMESPACE();
namespace penstock::decode::jpeg::HWY_NAMESPACE {

#if PENSTOCK_HAS_VECTORS

using Bytes = hn::CappedTag<std::uint8_t, 32>;
using Byte = hn::Vec<Bytes>;
using Shorts = hn::RebindToSigned<hn::RepartitionToWide<Bytes>>;
using Longs = hn::RepartitionToWide<Shorts>;
using Short = hn::Vec<Shorts>;

/// libjpeg's factors, round(factor * 2^16), without the whole ones that are added apart. Of two a half is enough: with
/// 15 bits of fraction, rounded, they give the same for all that 8 bits can be (tested).
constexpr int kHalfRedOfRed = (91881 - 65536) / 2;      // 1.402
constexpr int kHalfBlueOfBlue = (116130 - 131072) / 2;  // 1.772
constexpr int kGreenOfBlue = -22554;                    // -0.344136
constexpr int kGreenOfRed = 65536 - 46802;              // -0.714136

/// (factor * x + 2^14) >> 15.
HWY_INLINE Short share(Short x, int factor) {
  return hn::MulFixedPoint15(x, hn::Set(Shorts(), static_cast<std::int16_t>(factor)));
}

HWY_INLINE Short green_share(Short blue, Short red) {
  const Shorts d;
  const Longs wide;
  const Short factors = factor_pair(d, kGreenOfBlue, kGreenOfRed);
  const auto half = hn::Set(wide, 1 << 15);
  const auto of = [&](Short pairs) { return hn::ShiftRight<16>(hn::Add(summed_products(pairs, factors), half)); };
  return hn::ReorderDemote2To(d, of(hn::InterleaveLower(d, blue, red)), of(hn::InterleaveUpper(d, blue, red)));
}

struct Colours {
  Short red, green, blue;
};

HWY_INLINE Colours colours(Short luma, Short blue, Short red) {
  const Shorts d;
  const Short middle = hn::Set(d, 128);
  blue = hn::Sub(blue, middle);
  red = hn::Sub(red, middle);
  return {hn::Add(luma, hn::Add(red, share(red, kHalfRedOfRed))), hn::Add(hn::Sub(luma, red), green_share(blue, red)),
          hn::Add(luma, hn::Add(hn::ShiftLeft<1>(blue), share(blue, kHalfBlueOfBlue)))};
}

/// Of each 16 bytes the first half and the second, which cut() puts together again.
HWY_INLINE Short lower(Byte x) { return hn::BitCast(Shorts(), hn::InterleaveLower(Bytes(), x, hn::Zero(Bytes()))); }
HWY_INLINE Short upper(Byte x) { return hn::BitCast(Shorts(), hn::InterleaveUpper(Bytes(), x, hn::Zero(Bytes()))); }

HWY_INLINE void store(Byte red, Byte green, Byte blue, PixelOrder order, std::uint8_t* pixels) {
  const Bytes d;
  const bool blue_first = order == PixelOrder::kBgr || order == PixelOrder::kBgrx;
  const Byte first = blue_first ? blue : red, last = blue_first ? red : blue;
  if (bytes_of(order) == 4) {
    hn::StoreInterleaved4(first, green, last, hn::Set(d, 255), d, pixels);
  } else {
    hn::StoreInterleaved3(first, green, last, d, pixels);
  }
}

/// Calls `make` for each vector's worth of a row, and takes care of its end.
template <typename Make>
HWY_INLINE void for_vectors(std::size_t width, PixelOrder order, std::uint8_t* pixels, const Make& make) {
  const std::size_t count = hn::Lanes(Bytes()), size = bytes_of(order);
  std::size_t at = 0;
  for (; at + count <= width; at += count) make(at, pixels + at * size);
  if (at == width) return;
  std::array<std::uint8_t, 4 * 32> end;
  make(at, end.data());
  std::copy_n(end.data(), (width - at) * size, pixels + at * size);
}

void ycc_row(const std::uint8_t* luma, const std::uint8_t* blue, const std::uint8_t* red, std::size_t width,
             PixelOrder order, std::uint8_t* pixels) {
  const Bytes d;
  for_vectors(width, order, pixels, [&](std::size_t at, std::uint8_t* to) {
    const Byte y = hn::LoadU(d, luma + at), cb = hn::LoadU(d, blue + at), cr = hn::LoadU(d, red + at);
    const Colours low = colours(lower(y), lower(cb), lower(cr)), high = colours(upper(y), upper(cb), upper(cr));
    store(cut(low.red, high.red), cut(low.green, high.green), cut(low.blue, high.blue), order, to);
  });
}

void gray_row(const std::uint8_t* luma, std::size_t width, PixelOrder order, std::uint8_t* pixels) {
  for_vectors(width, order, pixels, [&](std::size_t at, std::uint8_t* to) {
    const Byte y = hn::LoadU(Bytes(), luma + at);
    store(y, y, y, order, to);
  });
}

#else

void ycc_row(const std::uint8_t*, const std::uint8_t*, const std::uint8_t*, std::size_t, PixelOrder, std::uint8_t*) {}
void gray_row(const std::uint8_t*, std::size_t, PixelOrder, std::uint8_t*) {}

#endif

}  // namespace penstock::decode::jpeg::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace penstock::decode::jpeg {

HWY_EXPORT(ycc_row);
HWY_EXPORT(gray_row);

void convert_ycc(const std::uint8_t* luma, const std::uint8_t* blue, const std::uint8_t* red, std::size_t width,
                 PixelOrder order, std::uint8_t* pixels) {
  HWY_DYNAMIC_DISPATCH(ycc_row)(luma, blue, red, width, order, pixels);
}

void convert_gray(const std::uint8_t* luma, std::size_t width, PixelOrder order, std::uint8_t* pixels) {
  HWY_DYNAMIC_DISPATCH(gray_row)(luma, width, order, pixels);
}

}  // namespace penstock::decode::jpeg
#endif
