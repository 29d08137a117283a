// What packing and unpacking of blocks have in common, for the instruction set that the including file is being
// compiled for. To be included after hwy/foreach_target.h, which includes that file once for each: hence no include
// guard of the usual kind.

#if defined(PENSTOCK_DECODE_JPEG_PACKING_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef PENSTOCK_DECODE_JPEG_PACKING_INL_H
#undef PENSTOCK_DECODE_JPEG_PACKING_INL_H
#else
#define PENSTOCK_DECODE_JPEG_PACKING_INL_H
#endif

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "decode/jpeg/products-inl.h"

#if PENSTOCK_HAS_VECTORS

HWY_BEFORE_NAMESPACE();
namespace penstock::decode::jpeg::HWY_NAMESPACE {

// How a block is packed. Its first coefficient is stated as the difference to the block before, or as it is; of others,
// which rows of the block have some, which of these have values that need 8 bits and not 4, or 16, and of each row the
// columns; then the values, row by row: of narrow rows, the first of two in the lower half of a byte; of wide rows; of
// the widest rows, whose lower bytes are with the wide ones', the upper bytes.
enum Kind : unsigned {
  kFlat,    // difference of 8 bits; no others
  kSmall,   // difference of 8 bits; rows; columns; values
  kMedium,  // the first of 16 bits; rows; wide rows; columns; values
  kLarge,   // the first of 16 bits; rows; wide rows; widest rows; columns; values
};

using Values = hn::FixedTag<std::int16_t, 8>;  // a row of a block
using Octets = hn::FixedTag<std::uint8_t, 16>;
using Value = hn::Vec<Values>;

template <typename T>
HWY_INLINE T loaded(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

template <typename T>
HWY_INLINE std::byte* stored(std::byte* at, T value) {
  std::memcpy(at, &value, sizeof value);
  return at + sizeof value;
}

HWY_INLINE unsigned number_of(std::uint64_t bits) { return static_cast<unsigned>(std::popcount(bits)); }

}  // namespace penstock::decode::jpeg::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
#endif
