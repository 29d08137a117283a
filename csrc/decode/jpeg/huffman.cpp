#include "decode/jpeg/huffman.h"

#include <algorithm>

namespace penstock::decode::jpeg {
namespace {

/// Of 8 bits a picture has differences of 11 bits at most, and other coefficients of 10.
constexpr int kMostDcBits = 11;
constexpr int kMostAcBits = 10;

constexpr std::uint8_t kEndOfBlock = 0x00;
constexpr std::uint8_t kSixteenZeros = 0xF0;

std::uint32_t leading(std::uint32_t bits, int of, int count) { return bits >> (of - count); }

/// The value after a code within looked-up bits of which `begin` are behind; there are enough of them.
std::int32_t value_at(std::uint32_t lookup, int begin, int size) {
  const std::uint32_t rest = lookup & ((1U << (kLookupBits - begin)) - 1U);
  return extended(leading(rest, kLookupBits - begin, size), size);
}

bool is_known_ac(std::uint8_t symbol) {
  const int size = symbol & 15;
  return size == 0 ? symbol == kEndOfBlock || symbol == kSixteenZeros : size <= kMostAcBits;
}

/// A coefficient at the start of looked-up bits.
struct Coefficient {
  std::int16_t value = 0;
  std::uint8_t next = 0;
  std::uint8_t bits = 0;  ///< of code and value; 0: they are longer than what is looked up
};

Coefficient coefficient_of(LongCodes::Found code, std::uint32_t lookup) {
  const int size = code.symbol & 15, bits = code.bits + size;
  if (code.bits == 0 || bits > kLookupBits) return {};
  const auto value = size == 0 ? 0 : value_at(lookup, code.bits, size);
  const int next = code.symbol == kEndOfBlock ? kToEnd : (code.symbol >> 4) + 1;
  return {static_cast<std::int16_t>(value), static_cast<std::uint8_t>(next), static_cast<std::uint8_t>(bits)};
}

/// Calls `take` for all that can be looked up, each with the code at its start, in order.
template <typename Take>
void for_lookups(const LongCodes& codes, const Take& take) {
  LongCodes::Found code{.symbol = 0, .bits = 1};
  bool is_there = true;
  for (std::uint32_t lookup = 0; lookup < kLookups; ++lookup) {
    if (is_there) code = codes.find(lookup << (16 - kLookupBits), code.bits);
    is_there = code.bits != 0;
    take(lookup, code);
  }
}

}  // namespace

std::optional<LongCodes> LongCodes::of(const HuffmanCodes& codes) {
  LongCodes result;
  result.symbols_ = codes.symbols;
  std::int32_t code = 0, symbol = 0;
  for (int length = 1; length <= 16; ++length, code <<= 1) {
    const auto place = static_cast<std::size_t>(length);
    const std::int32_t count = codes.counts[place - 1];
    result.offset_[place] = symbol - code;
    code += count;
    symbol += count;
    // No code is of ones alone: libjpeg refuses such tables.
    if (code >= 1 << length) return std::nullopt;
    result.last_[place] = count == 0 ? -1 : code - 1;
  }
  return result;
}

LongCodes::Found LongCodes::find(std::uint32_t bits, int least) const {
  for (int length = least; length <= 16; ++length) {
    const auto place = static_cast<std::size_t>(length);
    const auto code = static_cast<std::int32_t>(leading(bits, 16, length));
    if (code <= last_[place]) {
      return {symbols_[static_cast<std::size_t>(code + offset_[place])], static_cast<std::uint8_t>(length)};
    }
  }
  return {};
}

bool fill(DcTable& table, const HuffmanCodes& codes) {
  const std::optional<LongCodes> found = LongCodes::of(codes);
  if (!found) return false;
  if (!std::ranges::all_of(codes.used(), [](std::uint8_t symbol) { return symbol <= kMostDcBits; })) return false;
  table.codes = *found;
  for_lookups(*found, [&](std::uint32_t lookup, LongCodes::Found code) {
    DcEntry& entry = table.entries[lookup] = {};
    if (code.bits == 0 || code.bits + code.symbol > kLookupBits) return;
    entry.bits = static_cast<std::uint8_t>(code.bits + code.symbol);
    if (code.symbol > 0) entry.value = static_cast<std::int16_t>(value_at(lookup, code.bits, code.symbol));
  });
  return true;
}

bool fill(AcTable& table, const HuffmanCodes& codes) {
  const std::optional<LongCodes> found = LongCodes::of(codes);
  if (!found) return false;
  if (!std::ranges::all_of(codes.used(), is_known_ac)) return false;
  table.codes = *found;
  std::array<Coefficient, kLookups> coefficients;
  for_lookups(*found, [&](std::uint32_t lookup, LongCodes::Found code) {
    const Coefficient first = coefficients[lookup] = coefficient_of(code, lookup);
    AcEntry& entry = table.entries[lookup] = {};
    if (first.bits != 0) {
      entry = {.bits = first.bits,
               .first_bits = first.bits,
               .first_next = first.next,
               .second_next = 0,
               .first = first.value,
               .second = first.value};
      return;
    }
    entry.first_next = 1;
    entry.second_next = kBeyond;
    if (code.bits == 0 || code.bits > kLookupBits) return;
    entry.first = static_cast<std::int16_t>(code.symbol & 15);
    entry.first_next = static_cast<std::uint8_t>((code.symbol >> 4) + 1);
    entry.first_bits = code.bits;
  });
  for (std::uint32_t lookup = 0; lookup < kLookups; ++lookup) {
    AcEntry& entry = table.entries[lookup];
    if (entry.bits == 0 || entry.first_next == kToEnd) continue;
    // The bits that are not known count as 0, and a coefficient that needs one of them is not here.
    const Coefficient second = coefficients[lookup << entry.bits & (kLookups - 1)];
    if (second.bits == 0 || entry.bits + second.bits > kLookupBits) continue;
    entry.second = second.value;
    entry.second_next = second.next;
    entry.bits = static_cast<std::uint8_t>(entry.bits + second.bits);
  }
  return true;
}

}  // namespace penstock::decode::jpeg
