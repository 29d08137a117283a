#include "decode/jpeg/packing.h"

#include <array>

#include "decode/jpeg/idct.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "decode/jpeg/pack.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h, which compiles this file once for each target.
#include "decode/jpeg/packing-inl.h"

#ifndef PENSTOCK_DECODE_JPEG_PACK_ONCE
#define PENSTOCK_DECODE_JPEG_PACK_ONCE

namespace penstock::decode::jpeg {
namespace {

/// For each set of columns, by bits: which bytes of a row are stored one after the other; 128 where there are no more.
constexpr auto kGather = [] {
  std::array<std::array<std::uint8_t, 16>, 256> table{};
  for (std::size_t set = 0; set < 256; ++set) {
    std::size_t next = 0;
    table[set].fill(128);
    for (std::uint8_t column = 0; column < 8; ++column) {
      if ((set >> column & 1) != 0) table[set][next++] = column;
    }
  }
  return table;
}();

}  // namespace
}  // namespace penstock::decode::jpeg

#endif

HWY_BEFORE_NAMESPACE();
namespace penstock::decode::jpeg::HWY_NAMESPACE {

#if PENSTOCK_HAS_VECTORS

HWY_INLINE bool within(Value x, int least, int largest) {
  const Values d;
  return hn::AllTrue(d, hn::And(hn::Gt(x, hn::Set(d, static_cast<std::int16_t>(least - 1))),
                                hn::Lt(x, hn::Set(d, static_cast<std::int16_t>(largest + 1)))));
}

/// The coefficients of a block but for the first, by bits of 64: row by row, eight columns each.
struct Contents {
  std::uint64_t columns = 0;  // those that are not zero
  std::uint64_t wide = 0;     // those beyond 4 bits
  std::uint64_t widest = 0;   // those beyond 8 bits, and some that are just within
  alignas(16) std::uint8_t lower[64];
};

HWY_INLINE std::uint64_t bits_of(hn::Mask<hn::FixedTag<std::int8_t, 16>> mask) {
  std::uint8_t bits[8] = {};
  hn::StoreMaskBits(hn::FixedTag<std::int8_t, 16>(), mask, bits);
  return bits[0] | static_cast<std::uint64_t>(bits[1]) << 8;
}

alignas(16) constexpr std::int16_t kAllButFirst[8] = {0, -1, -1, -1, -1, -1, -1, -1};

HWY_INLINE Contents contents_of(const std::int16_t* block, std::size_t stride) {
  const Values d;
  const hn::FixedTag<std::int8_t, 16> bytes;
  const hn::FixedTag<std::int8_t, 8> half;
  Contents contents;
  for (unsigned row = 0; row < 8; row += 2) {
    Value x = hn::Load(d, block + row * stride);
    const Value y = hn::Load(d, block + (row + 1) * stride);
    if (row == 0) x = hn::And(x, hn::Load(d, kAllButFirst));
    const auto cut = hn::Combine(bytes, hn::DemoteTo(half, y), hn::DemoteTo(half, x));
    const auto is_less = hn::Lt(cut, hn::Set(bytes, -8)), is_more = hn::Gt(cut, hn::Set(bytes, 7));
    contents.columns |= bits_of(hn::Ne(cut, hn::Zero(bytes))) << (8 * row);
    contents.wide |= bits_of(hn::Or(is_less, is_more)) << (8 * row);
    contents.widest |= bits_of(hn::Or(hn::Eq(cut, hn::Set(bytes, -128)), hn::Eq(cut, hn::Set(bytes, 127))))
                       << (8 * row);
    hn::Store(cut, bytes, reinterpret_cast<std::int8_t*>(contents.lower) + 8 * row);
  }
  return contents;
}

/// Of eight bytes, which are not zero.
HWY_INLINE unsigned rows_of(std::uint64_t bits) {
  constexpr std::uint64_t kSeven = 0x7F7F7F7F7F7F7F7FU;
  const std::uint64_t tops = (((bits & kSeven) + kSeven) | bits) & ~kSeven;
  return static_cast<unsigned>((tops >> 7) * 0x0102040810204080U >> 56);
}

/// The bytes of a row at some columns, one after the other.
HWY_INLINE std::uint64_t gathered(const std::uint8_t* row, unsigned columns) {
  const Octets d;
  const hn::Repartition<std::uint64_t, Octets> words;
  std::uint64_t bytes = 0;
  std::memcpy(&bytes, row, sizeof bytes);
  const auto values = hn::BitCast(d, hn::Set(words, bytes));
  return hn::GetLane(hn::BitCast(words, hn::TableLookupBytesOr0(values, hn::LoadU(d, kGather[columns].data()))));
}

/// Bytes to 4 bits each.
HWY_INLINE std::uint64_t halved(std::uint64_t values) {
  values &= 0x0F0F0F0F0F0F0F0FU;
  values = (values | values >> 4) & 0x00FF00FF00FF00FFU;
  values = (values | values >> 8) & 0x0000FFFF0000FFFFU;
  return (values | values >> 16) & 0xFFFFFFFFU;
}

/// Calls `use` for each of the rows.
template <typename Use>
HWY_INLINE void for_rows(unsigned rows, const Use& use) {
  for (; rows != 0; rows &= rows - 1) use(static_cast<unsigned>(std::countr_zero(rows)));
}

HWY_INLINE unsigned columns_of(const Contents& contents, unsigned row) {
  return static_cast<unsigned>(contents.columns >> (8 * row)) & 0xFF;
}

HWY_INLINE std::byte* pack_narrow(const Contents& contents, unsigned rows, std::byte* out) {
  std::uint64_t waiting = 0;  // a value, where a byte is half full
  unsigned half = 0;
  for_rows(rows, [&](unsigned row) {
    const unsigned columns = columns_of(contents, row);
    waiting |= halved(gathered(contents.lower + 8 * row, columns)) << (half * 4);
    stored(out, waiting);
    const unsigned filled = half + number_of(columns);
    out += filled / 2;
    waiting >>= filled / 2 * 8;
    half = filled % 2;
  });
  return out + half;
}

HWY_INLINE std::byte* pack_wide(const Contents& contents, unsigned rows, std::byte* out) {
  for_rows(rows, [&](unsigned row) {
    const unsigned columns = columns_of(contents, row);
    stored(out, gathered(contents.lower + 8 * row, columns));
    out += number_of(columns);
  });
  return out;
}

HWY_INLINE std::byte* pack_upper(const std::int16_t* block, std::size_t stride, const Contents& contents, unsigned rows,
                                 std::byte* out) {
  for_rows(rows, [&](unsigned row) {
    for_rows(columns_of(contents, row),
             [&](unsigned column) { *out++ = static_cast<std::byte>(block[row * stride + column] >> 8); });
  });
  return out;
}

/// Where values do not fit 8 bits, the lower ones of them take the place of what was cut.
HWY_INLINE void take_lower(const std::int16_t* block, std::size_t stride, unsigned rows, Contents& contents) {
  for_rows(rows, [&](unsigned row) {
    for (unsigned column = row == 0 ? 1 : 0; column < 8; ++column) {
      contents.lower[8 * row + column] = static_cast<std::uint8_t>(block[row * stride + column]);
    }
  });
}

/// Which of the rows there are are among some, by their number among those that there are.
HWY_INLINE unsigned among(unsigned rows, unsigned some) {
  unsigned numbers = 0, next = 1;
  for_rows(rows, [&](unsigned row) {
    numbers |= (some >> row & 1) != 0 ? next : 0;
    next <<= 1;
  });
  return numbers;
}

/// `difference`: of the first coefficient to that of the block before.
HWY_INLINE std::byte* pack_block(const std::int16_t* block, std::size_t stride, std::int32_t difference, unsigned& kind,
                                 std::byte* out) {
  const bool is_near = difference >= -128 && difference <= 127;
  Contents contents = contents_of(block, stride);
  const unsigned rows = rows_of(contents.columns);
  if (is_near && contents.wide == 0) {
    *out++ = static_cast<std::byte>(difference);
    kind = kFlat;
    if (rows == 0) return out;
    kind = kSmall;
    *out++ = static_cast<std::byte>(rows);
    for_rows(rows, [&](unsigned row) { *out++ = static_cast<std::byte>(columns_of(contents, row)); });
    return pack_narrow(contents, rows, out);
  }
  const unsigned wide = rows_of(contents.wide), widest = rows_of(contents.widest);
  kind = widest == 0 ? kMedium : kLarge;
  out = stored(out, block[0]);
  *out++ = static_cast<std::byte>(rows);
  *out++ = static_cast<std::byte>(among(rows, wide));
  if (widest != 0) {
    take_lower(block, stride, widest, contents);
    *out++ = static_cast<std::byte>(among(rows, widest));
  }
  for_rows(rows, [&](unsigned row) { *out++ = static_cast<std::byte>(columns_of(contents, row)); });
  out = pack_narrow(contents, rows & ~wide, out);
  out = pack_wide(contents, wide, out);
  return pack_upper(block, stride, contents, widest, out);
}

std::byte* pack_blocks(BlockRows& rows, std::size_t row, std::size_t blocks, const Quantisation& steps,
                       std::byte* out) {
  const Values d;
  std::byte* const kinds = out;
  out += (blocks + 3) / 4;
  std::memset(kinds, 0, (blocks + 3) / 4);
  const std::size_t stride = rows.group() * 8;
  const Value first_steps = hn::LoadU(d, reinterpret_cast<const std::int16_t*>(steps.data()));
  Value largest = hn::Zero(d), least = hn::Zero(d);
  std::int32_t before = 0;
  for (std::size_t number = 0; number < blocks; ++number) {
    const std::int16_t* const block = rows.block(row, number);
    const Value dequantised = hn::Mul(hn::Load(d, block), first_steps);
    largest = hn::Max(largest, dequantised);
    least = hn::Min(least, dequantised);
    unsigned kind = kFlat;
    out = pack_block(block, stride, block[0] - before, kind, out);
    before = block[0];
    kinds[number / 4] |= static_cast<std::byte>(kind << (number % 4 * 2));
  }
  return within(largest, kLeastOfFirstRow, kMostOfFirstRow) && within(least, kLeastOfFirstRow, kMostOfFirstRow)
             ? out
             : nullptr;
}

#else

std::byte* pack_blocks(BlockRows&, std::size_t, std::size_t, const Quantisation&, std::byte*) { return nullptr; }

#endif

}  // namespace penstock::decode::jpeg::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace penstock::decode::jpeg {

HWY_EXPORT(pack_blocks);

std::byte* pack(BlockRows& rows, std::size_t row, std::size_t blocks, const Quantisation& steps, std::byte* out) {
  return HWY_DYNAMIC_DISPATCH(pack_blocks)(rows, row, blocks, steps, out);
}

}  // namespace penstock::decode::jpeg
#endif
