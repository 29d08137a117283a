#include "decode/jpeg/coefficients.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace penstock::decode::jpeg {
namespace {

/// Tables are made anew for other codes alone: most encoders have one set for all files.
template <typename Table>
std::shared_ptr<const Table> table_of(const HuffmanCodes& codes) {
  struct Made {
    HuffmanCodes codes;
    std::shared_ptr<const Table> table;
  };
  thread_local std::array<Made, 4> made;
  thread_local std::size_t next = 0;
  for (const Made& one : made) {
    if (one.table != nullptr && one.codes == codes) return one.table;
  }
  auto table = std::make_shared<Table>();
  if (!fill(*table, codes)) return nullptr;
  made[next] = {codes, table};
  next = (next + 1) % made.size();
  return table;
}

/// The difference of a block's first coefficient; false where no code begins with the bits.
inline bool read_dc(Bits& bits, const DcTable& table, std::int32_t& difference) {
  const DcEntry entry = table.entries[bits.peek(kLookupBits)];
  if (entry.bits != 0) {
    bits.skip(entry.bits);
    difference = entry.value;
    return true;
  }
  const LongCodes::Found code = table.codes.find(bits.peek(16));
  if (code.bits == 0) return false;
  bits.skip(code.bits);
  difference = code.symbol == 0 ? 0 : extended(bits.take(code.symbol), code.symbol);
  return true;
}

/// Lookups between refills, and the bits of a coefficient that is longer than what is looked up.
constexpr int kLookupsOfARefill = 3;
constexpr int kMostLongBits = 16 + 10;

/// A coefficient whose code and value are longer than what is looked up. `place`: of the last one; it is moved on.
/// False where no code begins with the bits.
inline bool read_long(Bits& bits, const LongCodes& codes, const AcEntry& entry, std::int16_t* block,
                      const Places& places, std::size_t& place) {
  int size = entry.first;
  if (entry.first_bits != 0) {
    bits.skip(entry.first_bits);
    place += entry.first_next;
  } else {
    const LongCodes::Found code = codes.find(bits.peek(16));
    if (code.bits == 0) return false;
    bits.skip(code.bits);
    size = code.symbol & 15;
    place += code.symbol == 0 ? kToEnd : static_cast<std::size_t>(code.symbol >> 4) + 1;
  }
  if (size != 0) block[places[place - 1]] = static_cast<std::int16_t>(extended(bits.take(size), size));
  return true;
}

/// What reading a block has come to.
enum class Outcome { kFlat, kDetailed, kWrong };

/// The block's coefficients are added to what is there, which is zero.
inline Outcome read_block(Bits& bits, const DcTable& dc, const AcTable& ac, std::int32_t& prediction,
                          std::int16_t* block, const Places& places) {
  bits.refill();
  std::int32_t difference = 0;
  if (!read_dc(bits, dc, difference)) return Outcome::kWrong;
  prediction += difference;
  const auto first = static_cast<std::int16_t>(prediction);
  if (first != prediction) return Outcome::kWrong;

  std::size_t place = 1;
  for (bool ended = false; !ended;) {
    bits.refill();
    static_assert(kLookupsOfARefill * kLookupBits + kMostLongBits <= Bits::kRefilled);
    for (int lookup = 0; lookup < kLookupsOfARefill; ++lookup) {
      const AcEntry entry = ac.entries[bits.peek(kLookupBits)];
      const std::size_t after_first = place + entry.first_next, after = after_first + entry.second_next;
      block[places[after_first - 1]] = entry.first;
      block[places[after - 1]] = entry.second;
      if (after < kBlock) [[likely]] {
        place = after;
        bits.skip(entry.bits);
        continue;
      }
      if (entry.bits == 0) {
        if (!read_long(bits, ac.codes, entry, block, places, place)) return Outcome::kWrong;
        ended = place >= kBlock;
      } else {
        // What was looked up with the last of a block's coefficients is the next block's.
        const bool takes_both = after_first < kBlock;
        place = takes_both ? after : after_first;
        bits.skip(takes_both ? entry.bits : entry.first_bits);
        ended = true;
      }
      break;
    }
  }
  // What lies beyond a block's end was written here.
  block[0] = first;
  if (place == kToEnd + 1) return Outcome::kFlat;
  return place == kBlock || place > kToEnd ? Outcome::kDetailed : Outcome::kWrong;
}

}  // namespace

std::unique_ptr<CoefficientReader> CoefficientReader::open(base::Bytes encoded, const Headers& headers,
                                                           std::size_t group) {
  std::unique_ptr<CoefficientReader> made(new CoefficientReader());
  CoefficientReader& reader = *made;
  const Component& luma = headers.components[0];
  reader.mcus_ = (headers.width + luma.across * 8U - 1) / (luma.across * 8U);
  reader.rows_ = (headers.height + luma.down * 8U - 1) / (luma.down * 8U);
  for (const Component& component : headers.components) {
    Source source{.component = component,
                  .dc = table_of<DcTable>(headers.dc[component.dc]),
                  .ac = table_of<AcTable>(headers.ac[component.ac])};
    if (source.dc == nullptr || source.ac == nullptr) return nullptr;
    reader.sources_.push_back(std::move(source));
  }
  for (std::size_t i = 0; i < kBlock; ++i) {
    reader.places_[i] = static_cast<std::uint16_t>(kZigzag[i] / 8 * 8 * group + kZigzag[i] % 8);
  }
  const std::size_t all = reader.mcus_ * reader.rows_;
  reader.restart_interval_ = headers.restart_interval;
  const std::size_t parts = headers.restart_interval == 0 ? 1 : (all - 1) / headers.restart_interval + 1;
  if (!reader.split(encoded.subspan(headers.scan_begin), parts) || !reader.begin_part()) return nullptr;
  return made;
}

/// Takes out the zeros that are stuffed in after 255, and finds the restart markers.
bool CoefficientReader::split(base::Bytes scan, std::size_t parts) {
  // A part takes a byte at least, and its marker two.
  if (parts > scan.size()) return false;
  data_ = base::OwnedBytes::allocate(scan.size() + parts * Bits::kPadding);
  parts_.reserve(parts);
  const std::byte* at = scan.data();
  const std::byte* const end = at + scan.size();
  std::byte* to = data_.data.get();
  std::size_t begin = 0;
  for (;;) {
    const auto* const marker = static_cast<const std::byte*>(std::memchr(at, 0xFF, static_cast<std::size_t>(end - at)));
    if (marker == nullptr || marker + 1 == end) return false;
    to = std::copy(at, marker, to);
    const auto code = std::to_integer<std::uint32_t>(marker[1]);
    at = marker + 2;
    if (code == 0) {
      *to++ = std::byte{0xFF};
      continue;
    }
    const bool restarts = code == 0xD0 + parts_.size() % 8 && parts_.size() + 1 < parts;
    if (!restarts && !(code == 0xD9 && parts_.size() + 1 == parts)) return false;
    const auto part_end = static_cast<std::size_t>(to - data_.data.get());
    parts_.push_back({begin, part_end});
    to = std::fill_n(to, Bits::kPadding, std::byte{0});
    begin = part_end + Bits::kPadding;
    if (!restarts) return true;
  }
}

bool CoefficientReader::begin_part() {
  if (next_part_ == parts_.size()) return false;
  const Part& part = parts_[next_part_++];
  const auto* const data = reinterpret_cast<const std::uint8_t*>(data_.data.get());
  bits_ = Bits(data + part.begin, data + part.end);
  for (Source& source : sources_) source.prediction = 0;
  until_restart_ = restart_interval_ == 0 ? mcus_ * rows_ : restart_interval_;
  return true;
}

bool CoefficientReader::read_row(const std::array<BlockRows*, 3>& into, McuRange needed) {
  std::array<std::int16_t, kBlock * 8> dropped{};
  Bits bits = bits_;
  for (std::size_t mcu = 0; mcu < mcus_; ++mcu, --until_restart_) {
    if (until_restart_ == 0) {
      // Fewer than 8 bits fill the last byte up.
      if (bits.left() < 0 || bits.left() >= 8 || !begin_part()) return false;
      bits = bits_;
    }
    const bool is_needed = mcu >= needed.begin && mcu < needed.end;
    for (std::size_t i = 0; i < sources_.size(); ++i) {
      Source& source = sources_[i];
      BlockRows* const rows = is_needed ? into[i] : nullptr;
      for (std::size_t down = 0; down < source.component.down; ++down) {
        for (std::size_t across = 0; across < source.component.across; ++across) {
          const std::size_t number = mcu * source.component.across + across;
          std::int16_t* const block = rows == nullptr ? dropped.data() : rows->block(down, number);
          const Outcome outcome = read_block(bits, *source.dc, *source.ac, source.prediction, block, places_);
          if (outcome == Outcome::kWrong) return false;
          if (rows != nullptr) rows->details(down)[number] = outcome == Outcome::kDetailed;
        }
      }
    }
  }
  bits_ = bits;
  return !bits_.overrun();
}

bool CoefficientReader::ended_well() const {
  return next_part_ == parts_.size() && bits_.left() >= 0 && bits_.left() < 8;
}

}  // namespace penstock::decode::jpeg
