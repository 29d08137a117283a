#include "decode/jpeg/packing.h"

#include <array>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "decode/jpeg/unpack.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h, which compiles this file once for each target.
#include "decode/jpeg/packing-inl.h"

#ifndef PENSTOCK_DECODE_JPEG_UNPACK_ONCE
#define PENSTOCK_DECODE_JPEG_UNPACK_ONCE

namespace penstock::decode::jpeg {
namespace {

/// For each set of columns, by bits: where in a row the values of those go that are stored one after the other, in the
/// upper bytes of 16 bits each; 128 where there is none.
constexpr auto kSpread = [] {
  std::array<std::array<std::uint8_t, 16>, 256> table{};
  for (std::size_t set = 0; set < 256; ++set) {
    std::uint8_t next = 0;
    for (std::size_t column = 0; column < 8; ++column) {
      table[set][2 * column] = 128;
      table[set][2 * column + 1] = (set >> column & 1) != 0 ? next++ : std::uint8_t{128};
    }
  }
  return table;
}();

/// For each set of bits, the bytes that are all ones.
constexpr auto kWholeBytes = [] {
  std::array<std::uint64_t, 256> table{};
  for (std::size_t set = 0; set < 256; ++set) {
    for (std::size_t bit = 0; bit < 8; ++bit) {
      if ((set >> bit & 1) != 0) table[set] |= std::uint64_t{0xFF} << (8 * bit);
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

/// Where the parts of a packed block lie.
struct Block {
  unsigned rows = 0;
  unsigned wide = 0;  // of the rows that there are, the widest among them
  unsigned widest = 0;
  const std::byte* columns = nullptr;
  const std::byte* narrow_values = nullptr;
  const std::byte* wide_values = nullptr;
  const std::byte* upper_values = nullptr;
  const std::byte* end = nullptr;
};

/// `at`: where its rows are stated.
HWY_INLINE Block block_at(const std::byte* at, unsigned kind) {
  Block block;
  block.rows = std::to_integer<unsigned>(*at++);
  if (kind >= kMedium) block.wide = std::to_integer<unsigned>(*at++);
  if (kind == kLarge) block.widest = std::to_integer<unsigned>(*at++);
  block.columns = at;
  const unsigned count = number_of(block.rows);
  const std::uint64_t columns = loaded<std::uint64_t>(at) & kWholeBytes[(1U << count) - 1];
  const unsigned wide = number_of(columns & kWholeBytes[block.wide]);
  block.narrow_values = at + count;
  block.wide_values = block.narrow_values + (number_of(columns) - wide + 1) / 2;
  block.upper_values = block.wide_values + wide;
  block.end = block.upper_values + number_of(columns & kWholeBytes[block.widest]);
  return block;
}

/// The bytes of `values` to the columns, in the upper bytes of 16 bits.
HWY_INLINE Value spread(hn::Vec<Octets> values, unsigned columns) {
  const Octets d;
  return hn::BitCast(Values(), hn::TableLookupBytesOr0(values, hn::LoadU(d, kSpread[columns].data())));
}

HWY_INLINE Value narrow_row(std::uint64_t values, unsigned columns) {
  const hn::Repartition<std::uint64_t, Octets> words;
  const Octets d;
  const auto even = hn::BitCast(d, hn::Set(words, values << 4 & 0xF0F0F0F0F0F0F0F0U));
  const auto odd = hn::BitCast(d, hn::Set(words, values & 0xF0F0F0F0F0F0F0F0U));
  return hn::ShiftRight<12>(spread(hn::InterleaveLower(d, even, odd), columns));
}

HWY_INLINE Value wide_row(const std::byte* values, unsigned columns) {
  return hn::ShiftRight<8>(spread(hn::LoadU(Octets(), reinterpret_cast<const std::uint8_t*>(values)), columns));
}

HWY_INLINE Value widest_row(const std::byte* lower, const std::byte* upper, unsigned columns) {
  const hn::RebindToUnsigned<Values> d;
  const auto bytes = [&](const std::byte* at) {
    return hn::BitCast(d, spread(hn::LoadU(Octets(), reinterpret_cast<const std::uint8_t*>(at)), columns));
  };
  return hn::BitCast(Values(), hn::Or(bytes(upper), hn::ShiftRight<8>(bytes(lower))));
}

HWY_INLINE void unpack_values(const Block& packed, std::int16_t* block, std::size_t stride) {
  const Values d;
  const std::byte *columns = packed.columns, *wide_values = packed.wide_values, *upper_values = packed.upper_values;
  unsigned wide = packed.wide, widest = packed.widest, narrow = 0;
  for (unsigned rows = packed.rows; rows != 0; rows &= rows - 1, wide >>= 1, widest >>= 1) {
    std::int16_t* const row = block + static_cast<std::size_t>(std::countr_zero(rows)) * stride;
    const auto here = std::to_integer<unsigned>(*columns++);
    const unsigned count = number_of(here);
    if ((wide & 1) == 0) {
      const auto values = loaded<std::uint64_t>(packed.narrow_values + narrow / 2) >> (narrow % 2 * 4);
      hn::Store(narrow_row(values, here), d, row);
      narrow += count;
    } else if ((widest & 1) == 0) {
      hn::Store(wide_row(wide_values, here), d, row);
      wide_values += count;
    } else {
      hn::Store(widest_row(wide_values, upper_values, here), d, row);
      wide_values += count;
      upper_values += count;
    }
  }
}

const std::byte* unpack_blocks(const PackedRow& packed, BlockRows& rows, std::size_t row, std::size_t begin,
                               std::size_t end) {
  const std::byte* const kinds = packed.at;
  const std::byte* at = kinds + (packed.blocks + 3) / 4;
  const std::size_t stride = rows.group() * 8;
  std::int32_t first = 0;
  for (std::size_t number = 0; number < packed.blocks; ++number) {
    if (at >= packed.end) return nullptr;
    const unsigned kind = std::to_integer<unsigned>(kinds[number / 4]) >> (number % 4 * 2) & 3;
    if (kind <= kSmall) {
      first += static_cast<std::int8_t>(std::to_integer<std::uint8_t>(*at++));
    } else {
      first = loaded<std::int16_t>(at);
      at += 2;
    }
    Block block;
    block.end = at;
    if (kind != kFlat) block = block_at(at, kind);
    if (number >= begin && number < end) {
      std::int16_t* const to = rows.block(row, number);
      unpack_values(block, to, stride);
      to[0] = static_cast<std::int16_t>(first);
      rows.details(row)[number] = block.rows != 0;
    }
    at = block.end;
  }
  return at > packed.end ? nullptr : at;
}

#else

const std::byte* unpack_blocks(const PackedRow&, BlockRows&, std::size_t, std::size_t, std::size_t) { return nullptr; }

#endif

}  // namespace penstock::decode::jpeg::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace penstock::decode::jpeg {

HWY_EXPORT(unpack_blocks);

const std::byte* unpack(const PackedRow& packed, BlockRows& rows, std::size_t row, std::size_t begin, std::size_t end) {
  return HWY_DYNAMIC_DISPATCH(unpack_blocks)(packed, rows, row, begin, end);
}

}  // namespace penstock::decode::jpeg
#endif
