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

/// A coefficient whose code and value begin after `begin` of the looked-up bits; of no bits where they reach beyond.
struct Coefficient {
  std::int16_t value = 0;
  std::uint8_t next = 0;
  int end = 0;  ///< where its bits end; 0: it is not here
};

Coefficient coefficient_at(const LongCodes& codes, std::uint32_t lookup, int begin) {
  // The bits that are not known count as 0, and a code that needs one of them is not here.
  const std::uint32_t sixteen = (lookup << begin << (16 - kLookupBits)) & 0xFFFFU;
  const LongCodes::Found found = codes.find(sixteen);
  const int size = found.symbol & 15;
  const int end = begin + found.bits + size;
  if (found.bits == 0 || end > kLookupBits) return {};
  if (found.symbol == kEndOfBlock) return {0, kToEnd, end};
  const auto next = static_cast<std::uint8_t>((found.symbol >> 4) + 1);
  if (size == 0) return {0, next, end};
  return {static_cast<std::int16_t>(value_at(lookup, begin + found.bits, size)), next, end};
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

LongCodes::Found LongCodes::find(std::uint32_t bits) const {
  for (int length = 1; length <= 16; ++length) {
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
  std::size_t total = 0;
  for (const std::uint8_t count : codes.counts) total += count;
  if (!std::ranges::all_of(codes.used(), [](std::uint8_t symbol) { return symbol <= kMostDcBits; })) return false;
  table.codes = *found;
  for (std::uint32_t lookup = 0; lookup < kLookups; ++lookup) {
    DcEntry& entry = table.entries[lookup] = {};
    const LongCodes::Found code = found->find(lookup << (16 - kLookupBits));
    if (code.bits == 0 || code.bits + code.symbol > kLookupBits) continue;
    entry.bits = static_cast<std::uint8_t>(code.bits + code.symbol);
    if (code.symbol > 0) entry.value = static_cast<std::int16_t>(value_at(lookup, code.bits, code.symbol));
  }
  return true;
}

bool fill(AcTable& table, const HuffmanCodes& codes) {
  const std::optional<LongCodes> found = LongCodes::of(codes);
  if (!found) return false;
  std::size_t total = 0;
  for (const std::uint8_t count : codes.counts) total += count;
  if (!std::ranges::all_of(codes.used(), is_known_ac)) return false;
  table.codes = *found;
  for (std::uint32_t lookup = 0; lookup < kLookups; ++lookup) {
    AcEntry& entry = table.entries[lookup] = {};
    const Coefficient first = coefficient_at(*found, lookup, 0);
    if (first.end == 0) {
      entry.first_next = 1;
      entry.second_next = kBeyond;
      const LongCodes::Found code = found->find(lookup << (16 - kLookupBits));
      if (code.bits == 0 || code.bits > kLookupBits) continue;
      entry.first = static_cast<std::int16_t>(code.symbol & 15);
      entry.first_next = static_cast<std::uint8_t>((code.symbol >> 4) + 1);
      entry.first_bits = code.bits;
      continue;
    }
    entry = {.bits = static_cast<std::uint8_t>(first.end),
             .first_bits = static_cast<std::uint8_t>(first.end),
             .first_next = first.next,
             .second_next = 0,
             .first = first.value,
             .second = first.value};
    if (first.next == kToEnd) continue;
    const Coefficient second = coefficient_at(*found, lookup, first.end);
    if (second.end == 0) continue;
    entry.second = second.value;
    entry.second_next = second.next;
    entry.bits = static_cast<std::uint8_t>(second.end);
  }
  return true;
}

}  // namespace penstock::decode::jpeg
