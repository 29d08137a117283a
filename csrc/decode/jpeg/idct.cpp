#include "decode/jpeg/idct.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "decode/jpeg/idct.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h, which compiles this file once for each target.
#include "decode/jpeg/products-inl.h"

HWY_BEFORE_NAMESPACE();
namespace penstock::decode::jpeg::HWY_NAMESPACE {

#if PENSTOCK_HAS_VECTORS

// What lies in 16 bytes of a vector is a row of one block: four blocks at most. Vectors of unknown width are not used.
using Shorts = hn::CappedTag<std::int16_t, 32>;
using Longs = hn::RepartitionToWide<Shorts>;
using Short = hn::Vec<Shorts>;
using Long = hn::Vec<Longs>;

constexpr int kFractionBits = 13;
constexpr int kKeptBits = 2;  // of the fraction, between the passes
constexpr int kFirstShift = kFractionBits - kKeptBits;
constexpr int kSecondShift = kFractionBits + kKeptBits + 3;

// Loeffler, Ligtenberg and Moschytz, "Practical fast 1-D DCT algorithms with 11 multiplications", ICASSP 1989; times
// 2^13.
constexpr int k0298 = 2446, k0390 = 3196, k0541 = 4433, k0765 = 6270, k0899 = 7373, k1175 = 9633;
constexpr int k1501 = 12299, k1847 = 15137, k1961 = 16069, k2053 = 16819, k2562 = 20995, k3072 = 25172;

/// a * x + b * y in each lane, for the lower and the upper half of a block's lanes.
struct Products {
  Long lower, upper;
};

struct Interleaved {
  Short lower, upper;
};

HWY_INLINE Interleaved interleaved(Short x, Short y) {
  return {hn::InterleaveLower(Shorts(), x, y), hn::InterleaveUpper(Shorts(), x, y)};
}

HWY_INLINE Products products(Interleaved xy, int a, int b) {
  const Short factors = factor_pair(Shorts(), a, b);
  return {summed_products(xy.lower, factors), summed_products(xy.upper, factors)};
}

HWY_INLINE Products operator+(Products a, Products b) { return {hn::Add(a.lower, b.lower), hn::Add(a.upper, b.upper)}; }
HWY_INLINE Products operator-(Products a, Products b) { return {hn::Sub(a.lower, b.lower), hn::Sub(a.upper, b.upper)}; }

/// x * 2^13.
HWY_INLINE Products scaled(Short x) {
  const Interleaved high = interleaved(hn::Zero(Shorts()), x);
  constexpr int kShift = 16 - kFractionBits;
  return {hn::ShiftRight<kShift>(hn::BitCast(Longs(), high.lower)),
          hn::ShiftRight<kShift>(hn::BitCast(Longs(), high.upper))};
}

template <int kShift>
HWY_INLINE Short rounded(Products sums) {
  const Long half = hn::Set(Longs(), 1 << (kShift - 1));
  return hn::ReorderDemote2To(Shorts(), hn::ShiftRight<kShift>(hn::Add(sums.lower, half)),
                              hn::ShiftRight<kShift>(hn::Add(sums.upper, half)));
}

/// The transform in one direction: each lane is one of its own, from x[0] to x[7].
template <int kShift>
HWY_INLINE void transform(Short (&x)[8]) {
  const Interleaved x26 = interleaved(x[2], x[6]);
  const Products even3 = products(x26, k0541 + k0765, k0541);
  const Products even2 = products(x26, k0541, k0541 - k1847);
  const Products even0 = scaled(hn::Add(x[0], x[4]));
  const Products even1 = scaled(hn::Sub(x[0], x[4]));
  const Products sum0 = even0 + even3, sum3 = even0 - even3;
  const Products sum1 = even1 + even2, sum2 = even1 - even2;

  const Interleaved z34 = interleaved(hn::Add(x[7], x[3]), hn::Add(x[5], x[1]));
  const Products z3 = products(z34, k1175 - k1961, k1175);
  const Products z4 = products(z34, k1175, k1175 - k0390);
  const Interleaved x71 = interleaved(x[7], x[1]), x53 = interleaved(x[5], x[3]);
  const Products odd0 = products(x71, k0298 - k0899, -k0899) + z3;
  const Products odd1 = products(x53, k2053 - k2562, -k2562) + z4;
  const Products odd2 = products(x53, -k2562, k3072 - k2562) + z3;
  const Products odd3 = products(x71, -k0899, k1501 - k0899) + z4;

  x[0] = rounded<kShift>(sum0 + odd3);
  x[7] = rounded<kShift>(sum0 - odd3);
  x[1] = rounded<kShift>(sum1 + odd2);
  x[6] = rounded<kShift>(sum1 - odd2);
  x[2] = rounded<kShift>(sum2 + odd1);
  x[5] = rounded<kShift>(sum2 - odd1);
  x[3] = rounded<kShift>(sum3 + odd0);
  x[4] = rounded<kShift>(sum3 - odd0);
}

/// Rows become columns, within each block. Each round turns the number of an element, three bits of the row and three
/// of the column, by one bit.
HWY_INLINE void transpose(Short (&x)[8]) {
  const Shorts d;
  for (int round = 0; round < 3; ++round) {
    const Short y[8] = {hn::InterleaveLower(d, x[0], x[4]), hn::InterleaveUpper(d, x[0], x[4]),
                        hn::InterleaveLower(d, x[1], x[5]), hn::InterleaveUpper(d, x[1], x[5]),
                        hn::InterleaveLower(d, x[2], x[6]), hn::InterleaveUpper(d, x[2], x[6]),
                        hn::InterleaveLower(d, x[3], x[7]), hn::InterleaveUpper(d, x[3], x[7])};
    for (int i = 0; i < 8; ++i) x[i] = y[i];
  }
}

/// The first rows of all blocks so far: the largest and the least of what they hold.
struct Extremes {
  Short largest, least;

  HWY_INLINE void add(Short x) {
    largest = hn::Max(largest, x);
    least = hn::Min(least, x);
  }
  HWY_INLINE bool usual() const {
    const Shorts d;
    return hn::AllTrue(
        d, hn::And(hn::Lt(largest, hn::Set(d, kMostOfFirstRow + 1)), hn::Gt(least, hn::Set(d, kLeastOfFirstRow - 1))));
  }
};

/// Eight rows of pixels; they are 128 where x is 0.
HWY_INLINE void store(Short x, std::uint8_t* pixels) {
  const hn::Rebind<std::int8_t, Shorts> cut;
  const hn::RebindToUnsigned<decltype(cut)> bytes;
  hn::StoreU(hn::Xor(hn::BitCast(bytes, hn::DemoteTo(cut, x)), hn::Set(bytes, 0x80)), bytes, pixels);
}

HWY_INLINE Short steps_of(const Quantisation& steps, std::size_t row) {
  return hn::LoadDup128(Shorts(), reinterpret_cast<const std::int16_t*>(steps.data()) + row * 8);
}

HWY_INLINE void transform_flat(const std::int16_t* coefficients, const Quantisation& steps, std::uint8_t* pixels,
                               std::size_t stride, Extremes& extremes) {
  const Shorts d;
  const Short first = hn::Mul(hn::Load(d, coefficients), steps_of(steps, 0));
  extremes.add(first);
  const Short level = hn::ShiftRight<3>(hn::Add(hn::Broadcast<0>(first), hn::Set(d, 4)));
  for (std::size_t row = 0; row < 8; ++row) store(level, pixels + row * stride);
}

HWY_INLINE void transform_group(std::int16_t* coefficients, const Quantisation& steps, std::uint8_t* pixels,
                                std::size_t stride, Extremes& extremes) {
  const Shorts d;
  Short x[8];
  for (std::size_t row = 0; row < 8; ++row) {
    std::int16_t* const place = coefficients + row * hn::Lanes(d);
    x[row] = hn::Mul(hn::Load(d, place), steps_of(steps, row));
    hn::Store(hn::Zero(d), d, place);
  }
  extremes.add(x[0]);
  transform<kFirstShift>(x);
  transpose(x);
  transform<kSecondShift>(x);
  transpose(x);
  for (std::size_t row = 0; row < 8; ++row) store(x[row], pixels + row * stride);
}

bool transform_row(const BlockRow& row) {
  const Shorts d;
  const std::size_t blocks = hn::Lanes(d) / 8;
  Extremes extremes{hn::Zero(d), hn::Zero(d)};
  for (std::size_t group = 0; group < row.groups; ++group) {
    std::int16_t* const coefficients = row.coefficients + group * blocks * 64;
    const std::uint8_t* const details = row.details + group * blocks;
    std::uint8_t* const pixels = row.pixels + group * blocks * 8;
    bool is_flat = true;
    for (std::size_t i = 0; i < blocks; ++i) is_flat = is_flat && details[i] == 0;
    if (is_flat) {
      transform_flat(coefficients, *row.steps, pixels, row.stride, extremes);
    } else {
      transform_group(coefficients, *row.steps, pixels, row.stride, extremes);
    }
  }
  return extremes.usual();
}

std::size_t group_size() { return hn::Lanes(Shorts()) / 8; }

#else

bool transform_row(const BlockRow&) { return false; }
std::size_t group_size() { return 0; }

#endif

}  // namespace penstock::decode::jpeg::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace penstock::decode::jpeg {

HWY_EXPORT(transform_row);
HWY_EXPORT(group_size);

std::size_t blocks_of_a_group() { return HWY_DYNAMIC_DISPATCH(group_size)(); }

bool transform_back(const BlockRow& row) { return HWY_DYNAMIC_DISPATCH(transform_row)(row); }

}  // namespace penstock::decode::jpeg
#endif
