#include "transform/pixels/pillow_kernel.h"

#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "transform/pixels/pillow_kernel.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h, which compiles this file once for each target.
#include "transform/pixels/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace penstock::transform::kernels::HWY_NAMESPACE {

constexpr int kWeightBits = 22;

/// Twice the bits that are cut off are what rounding adds one half of.
HWY_INLINE Integer rounded(Integer sum) {
  return hn::ShiftRight<kWeightBits>(hn::Add(sum, hn::Set(Integers(), 1 << (kWeightBits - 1))));
}

/// Of the halves of each lane: pixels times split weights.
HWY_INLINE Integer weighted(Word pixels, Word high, Word low) {
  return hn::Add(hn::ShiftLeft<kLowWeightBits>(dot(pixels, high)), dot(pixels, low));
}

void columns_of(const std::uint8_t* HWY_RESTRICT row, const PairedColumns& columns, std::uint64_t* HWY_RESTRICT room,
                std::int32_t* HWY_RESTRICT sums, const Planes<std::uint8_t>& to) {
  const Words words;
  const Integers integers;
  const Word low_bytes = hn::Set(words, 0x00FF00FFU);
  const Word low_half = hn::Set(words, 0x0000FFFFU);
  for (std::size_t pair = 0; pair < columns.pairs; ++pair) {
    const std::int32_t* const left = columns.left + pair * columns.stride;
    const std::uint32_t* const high = columns.high + pair * columns.stride;
    const std::uint32_t* const low = columns.low + pair * columns.stride;
    // Brought together first, so that vectors read memory in order.
    for (std::size_t i = 0; i < columns.count; ++i) {
      std::memcpy(room + i, row + std::size_t{4} * static_cast<std::uint32_t>(left[i]), 8);
    }
    const bool last = pair + 1 == columns.pairs;
    for (std::size_t i = 0; i < columns.count; i += hn::Lanes(words)) {
      Word first, second;
      hn::LoadInterleaved2(words, reinterpret_cast<const std::uint32_t*>(room + i), first, second);
      const Word first_two = hn::Or(hn::And(first, low_half), hn::ShiftLeft<16>(second));
      const Word third = hn::Or(hn::ShiftRight<16>(first), hn::AndNot(low_half, second));
      const Word pixels[3] = {hn::And(first_two, low_bytes), hn::And(hn::ShiftRight<8>(first_two), low_bytes),
                              hn::And(third, low_bytes)};
      const Word high_weights = hn::LoadU(words, high + i);
      const Word low_weights = hn::LoadU(words, low + i);
      for (std::size_t c = 0; c < 3; ++c) {
        Integer sum = weighted(pixels[c], high_weights, low_weights);
        std::int32_t* const before = sums + c * columns.stride + i;
        if (pair != 0) sum = hn::Add(sum, hn::LoadU(integers, before));
        if (last) {
          const hn::Rebind<std::uint8_t, Integers> bytes;
          hn::StoreU(hn::DemoteTo(bytes, rounded(sum)), bytes, to[c] + i);
        } else {
          hn::StoreU(sum, integers, before);
        }
      }
    }
  }
}

void rows_of(const Planes<const std::uint8_t>* rows, const SplitWeights* weights, std::size_t count,
             std::size_t columns, const Planes<std::uint8_t>& out) {
  const Words words;
  const hn::Rebind<std::uint8_t, Words> bytes;
  const std::size_t lanes = hn::Lanes(words);
  for (std::size_t c = 0; c < 3; ++c) {
    for (std::size_t i = 0; i < columns; i += lanes) {
      Integer sum = hn::Zero(Integers());
      for (std::size_t pair = 0; pair < count / 2; ++pair) {
        const Word first = hn::PromoteTo(words, hn::LoadU(bytes, rows[2 * pair][c] + i));
        const Word second = hn::PromoteTo(words, hn::LoadU(bytes, rows[2 * pair + 1][c] + i));
        const Word pixels = hn::Or(first, hn::ShiftLeft<16>(second));
        sum = hn::Add(sum, weighted(pixels, hn::Set(words, weights[pair].high), hn::Set(words, weights[pair].low)));
      }
      const auto made = hn::DemoteTo(bytes, rounded(sum));
      if (i + lanes <= columns) {
        hn::StoreU(made, bytes, out[c] + i);
      } else {
        std::uint8_t tail[HWY_MAX_BYTES];
        hn::StoreU(made, bytes, tail);
        std::memcpy(out[c] + i, tail, columns - i);
      }
    }
  }
}

}  // namespace penstock::transform::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace penstock::transform::kernels {

HWY_EXPORT(columns_of);
HWY_EXPORT(rows_of);

void pillow_columns(const std::uint8_t* row, const PairedColumns& columns, std::uint64_t* room, std::int32_t* sums,
                    const Planes<std::uint8_t>& to) {
  HWY_DYNAMIC_DISPATCH(columns_of)(row, columns, room, sums, to);
}

void pillow_rows(const Planes<const std::uint8_t>* rows, const SplitWeights* weights, std::size_t count,
                 std::size_t columns, const Planes<std::uint8_t>& out) {
  HWY_DYNAMIC_DISPATCH(rows_of)(rows, weights, count, columns, out);
}

}  // namespace penstock::transform::kernels
#endif
