#include "transform/pixels/row_kernels.h"

#include <algorithm>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "transform/pixels/row_kernels.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h, which compiles this file once for each target.
#include "transform/pixels/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace penstock::transform::kernels::HWY_NAMESPACE {

/// As many as there are floats in a vector.
using Shorts = hn::Rebind<std::int16_t, Floats>;
using Bytes = hn::Rebind<std::uint8_t, Floats>;

/// Stores the first `count` lanes.
template <class D, class V>
HWY_INLINE void store(V values, D tag, hn::TFromD<D>* out, std::size_t count) {
  if (count >= hn::Lanes(tag)) {
    hn::StoreU(values, tag, out);
  } else {
    hn::TFromD<D> lanes[HWY_MAX_BYTES / sizeof(hn::TFromD<D>)];
    hn::StoreU(values, tag, lanes);
    std::memcpy(out, lanes, count * sizeof(hn::TFromD<D>));
  }
}

HWY_INLINE Float to_float(Word values) { return hn::ConvertTo(Floats(), signed_lanes(values)); }

/// See Affine.
HWY_INLINE Float apply(Float value, Float offset, double scale) {
  const Floats floats;
  const Float difference = hn::Sub(value, offset);
#if HWY_TARGET == HWY_SCALAR
  return hn::Set(floats, static_cast<float>(static_cast<double>(hn::GetLane(difference)) * scale));
#else
  const hn::Half<Floats> half;
  const hn::Rebind<double, decltype(half)> doubles;
  const auto factor = hn::Set(doubles, scale);
  const auto low = hn::Mul(hn::PromoteTo(doubles, hn::LowerHalf(half, difference)), factor);
  const auto high = hn::Mul(hn::PromoteTo(doubles, hn::UpperHalf(half, difference)), factor);
  return hn::Combine(floats, hn::DemoteTo(half, high), hn::DemoteTo(half, low));
#endif
}

/// The pixels that columns are made of. Where they lie close together, they are picked out of two registers; else they
/// are first brought together, so that vectors read memory in order.
class Neighbours {
 public:
  HWY_INLINE Neighbours(const std::uint8_t* row, const Columns& columns, std::uint64_t* pairs)
      : row_(row), columns_(columns), pairs_(pairs) {
#if HWY_TARGET <= HWY_AVX3
    if (columns.windows != nullptr) return;
#endif
    for (std::size_t i = 0; i < columns.count; ++i) {
      std::memcpy(pairs + i, row + std::size_t{4} * static_cast<std::uint32_t>(columns.left[i]), 8);
    }
  }

  HWY_INLINE void load(std::size_t column, Word& left, Word& right) const {
    const Words words;
#if HWY_TARGET <= HWY_AVX3
    if (columns_.windows != nullptr) {
      const std::int32_t first = columns_.windows[column / kWindowColumns];
      const auto* const window = reinterpret_cast<const std::uint32_t*>(row_) + first;
      const Word low = hn::LoadU(words, window);
      const Word high = hn::LoadU(words, window + kWindowPixels / 2);
      const Word at = hn::Sub(hn::LoadU(words, reinterpret_cast<const std::uint32_t*>(columns_.left) + column),
                              hn::Set(words, static_cast<std::uint32_t>(first)));
      left = Word{_mm512_permutex2var_epi32(low.raw, at.raw, high.raw)};
      right = Word{_mm512_permutex2var_epi32(low.raw, hn::Add(at, hn::Set(words, 1U)).raw, high.raw)};
      return;
    }
#endif
    hn::LoadInterleaved2(words, reinterpret_cast<const std::uint32_t*>(pairs_ + column), left, right);
  }

 private:
  const std::uint8_t* row_;
  const Columns& columns_;
  std::uint64_t* pairs_;
};

void resample_to_sums(const std::uint8_t* HWY_RESTRICT row, const Columns& columns, std::uint64_t* HWY_RESTRICT pairs,
                      const Planes<std::int16_t>& to) {
  const Words words;
  const Integers integers;
  const Shorts shorts;
  const Word low_bytes = hn::Set(words, 0x00FF00FFU);
  const Word low_half = hn::Set(words, 0x0000FFFFU);
  const Neighbours neighbours(row, columns, pairs);
  for (std::size_t i = 0; i < columns.count; i += hn::Lanes(words)) {
    Word left, right;
    neighbours.load(i, left, right);
    const Word weights = hn::LoadU(words, columns.integer_weights + i);
    const Word first_two = hn::Or(hn::And(left, low_half), hn::ShiftLeft<16>(right));
    const Word third = hn::Or(hn::ShiftRight<16>(left), hn::AndNot(low_half, right));
    Integer sums[3] = {dot(hn::And(first_two, low_bytes), weights),
                       dot(hn::And(hn::ShiftRight<8>(first_two), low_bytes), weights),
                       dot(hn::And(third, low_bytes), weights)};
    for (std::size_t c = 0; c < 3; ++c) {
      if (columns.beside[c] != nullptr) {
        sums[c] = hn::Add(sums[c], hn::ConvertTo(integers, hn::LoadU(Floats(), columns.beside[c] + i)));
      }
      hn::StoreU(hn::DemoteTo(shorts, hn::ShiftRight<4>(sums[c])), shorts, to[c] + i);
    }
  }
}

void resample_to_floats(const std::uint8_t* HWY_RESTRICT row, const Columns& columns, std::uint64_t* HWY_RESTRICT pairs,
                        const Planes<float>& to) {
  const Words words;
  const Floats floats;
  const Neighbours neighbours(row, columns, pairs);
  for (std::size_t i = 0; i < columns.count; i += hn::Lanes(words)) {
    Word left, right;
    neighbours.load(i, left, right);
    const Float left_weight = hn::LoadU(floats, columns.left_weights + i);
    const Float right_weight = hn::LoadU(floats, columns.right_weights + i);
    for (std::size_t c = 0; c < 3; ++c) {
      Float sum =
          hn::Add(hn::Mul(to_float(channel(left, c)), left_weight), hn::Mul(to_float(channel(right, c)), right_weight));
      if (columns.beside[c] != nullptr) sum = hn::Add(sum, hn::LoadU(floats, columns.beside[c] + i));
      hn::StoreU(sum, floats, to[c] + i);
    }
  }
}

void resample_floats(const float* HWY_RESTRICT row, const Columns& columns, const Planes<float>& to) {
  for (std::size_t i = 0; i < columns.count; ++i) {
    const float* left = row + std::size_t{4} * static_cast<std::uint32_t>(columns.left[i]);
    for (std::size_t c = 0; c < 3; ++c) {
      float sum = left[c] * columns.left_weights[i] + left[4 + c] * columns.right_weights[i];
      if (columns.beside[c] != nullptr) sum += columns.beside[c][i];
      to[c][i] = sum;
    }
  }
}

/// ((first * weight >> 16) + (second * weight >> 16) + 2) >> 2: OpenCV's rounding.
template <class D>
HWY_INLINE hn::Vec<D> blend_sums(D tag, const std::int16_t* first, const std::int16_t* second, hn::Vec<D> first_weight,
                                 hn::Vec<D> second_weight) {
  const auto sum =
      hn::Add(hn::MulHigh(hn::LoadU(tag, first), first_weight), hn::MulHigh(hn::LoadU(tag, second), second_weight));
  return hn::ShiftRight<2>(hn::Add(sum, hn::Set(tag, 2)));
}

void blend_to_bytes(const Planes<const std::int16_t>& first, const Planes<const std::int16_t>& second,
                    std::int16_t first_weight, std::int16_t second_weight, std::size_t count,
                    const Planes<std::uint8_t>& out) {
  const hn::ScalableTag<std::int16_t> shorts;
  const hn::Rebind<std::uint8_t, decltype(shorts)> bytes;
  const auto weight0 = hn::Set(shorts, first_weight);
  const auto weight1 = hn::Set(shorts, second_weight);
  for (std::size_t c = 0; c < 3; ++c) {
    for (std::size_t i = 0; i < count; i += hn::Lanes(shorts)) {
      const auto value = blend_sums(shorts, first[c] + i, second[c] + i, weight0, weight1);
      store(hn::DemoteTo(bytes, value), bytes, out[c] + i, count - i);
    }
  }
}

void blend_sums_to_floats(const Planes<const std::int16_t>& first, const Planes<const std::int16_t>& second,
                          std::int16_t first_weight, std::int16_t second_weight, const Affine& affine,
                          std::size_t count, const Planes<float>& out) {
  const Shorts shorts;
  const Floats floats;
  const Integers integers;
  const auto weight0 = hn::Set(shorts, first_weight);
  const auto weight1 = hn::Set(shorts, second_weight);
  for (std::size_t c = 0; c < 3; ++c) {
    const Float offset = hn::Set(floats, affine.offset[c]);
    const double scale = affine.scale[c];
    for (std::size_t i = 0; i < count; i += hn::Lanes(floats)) {
      const auto value = blend_sums(shorts, first[c] + i, second[c] + i, weight0, weight1);
      const Float real = hn::ConvertTo(floats, hn::PromoteTo(integers, value));
      store(apply(real, offset, scale), floats, out[c] + i, count - i);
    }
  }
}

void blend_floats(const Planes<const float>& first, const Planes<const float>& second, float first_weight,
                  float second_weight, const Affine& affine, std::size_t count, const Planes<float>& out) {
  const Floats floats;
  const Float weight0 = hn::Set(floats, first_weight);
  const Float weight1 = hn::Set(floats, second_weight);
  for (std::size_t c = 0; c < 3; ++c) {
    const Float offset = hn::Set(floats, affine.offset[c]);
    const double scale = affine.scale[c];
    for (std::size_t i = 0; i < count; i += hn::Lanes(floats)) {
      const Float value = hn::Add(hn::Mul(hn::LoadU(floats, first[c] + i), weight0),
                                  hn::Mul(hn::LoadU(floats, second[c] + i), weight1));
      store(apply(value, offset, scale), floats, out[c] + i, count - i);
    }
  }
}

void apply_affine(const Planes<const float>& row, const Affine& affine, std::size_t count, const Planes<float>& out) {
  const Floats floats;
  for (std::size_t i = 0; i < count; i += hn::Lanes(floats)) {
    Float value[3];
    // All are read before one is written: `out` may be the same rows in another order.
    for (std::size_t c = 0; c < 3; ++c) value[c] = hn::LoadU(floats, row[c] + i);
    for (std::size_t c = 0; c < 3; ++c) {
      const Float result = apply(value[c], hn::Set(floats, affine.offset[c]), affine.scale[c]);
      store(result, floats, out[c] + i, count - i);
    }
  }
}

/// Between 0 and 1.
HWY_INLINE Float saturate(Float value) {
  const Floats floats;
  return hn::Min(hn::Max(value, hn::Zero(floats)), hn::Set(floats, 1.0F));
}

/// OpenCV's conversions to HSV and back, in one and without a branch. With the hue in sextants, a channel of full
/// saturation is a trapezoid over the hue.
HWY_INLINE void shift_hue(Float& blue, Float& green, Float& red, Float saturation, Float largest_saturation,
                          Float hue_sextants) {
  const Floats floats;
  const Float epsilon = hn::Set(floats, 1.1920929e-07F);
  const Float six = hn::Set(floats, 6.0F);
  const Float four = hn::Set(floats, 4.0F);
  const Float three = hn::Set(floats, 3.0F);
  const Float two = hn::Set(floats, 2.0F);
  const Float one = hn::Set(floats, 1.0F);
  const Float value = hn::Max(red, hn::Max(green, blue));
  const Float range = hn::Sub(value, hn::Min(red, hn::Min(green, blue)));
  const auto is_red = hn::Eq(value, red);
  const auto is_green = hn::Eq(value, green);
  const Float difference =
      hn::IfThenElse(is_red, hn::Sub(green, blue), hn::IfThenElse(is_green, hn::Sub(blue, red), hn::Sub(red, green)));
  const Float base = hn::IfThenElse(is_red, hn::Zero(floats), hn::IfThenElse(is_green, two, four));
  Float hue = hn::Add(hn::Add(base, hn::Div(difference, hn::Add(range, epsilon))), hue_sextants);
  hue = hn::Sub(hue, hn::Mul(six, hn::Floor(hn::Div(hue, six))));
  const Float share = hn::Mul(hn::Div(range, hn::Add(hn::Abs(value), epsilon)), saturation);
  const Float chroma = hn::Mul(value, hn::Min(share, largest_saturation));
  red = hn::Sub(value, hn::Mul(chroma, saturate(hn::Sub(two, hn::Abs(hn::Sub(hue, three))))));
  green = hn::Sub(value, hn::Mul(chroma, saturate(hn::Sub(hn::Abs(hn::Sub(hue, two)), one))));
  blue = hn::Sub(value, hn::Mul(chroma, saturate(hn::Sub(hn::Abs(hn::Sub(hue, four)), one))));
}

void apply_photometric(const Planes<const float>& row, const Photometric& photometric, const Affine& affine,
                       std::size_t count, const Planes<float>& out) {
  const Floats floats;
  const Float brightness = hn::Set(floats, photometric.brightness);
  const Float before = hn::Set(floats, photometric.contrast_before);
  const Float after = hn::Set(floats, photometric.contrast_after);
  const Float saturation = hn::Set(floats, photometric.saturation);
  const Float largest_saturation = hn::Set(floats, photometric.largest_saturation);
  const Float hue = hn::Set(floats, photometric.hue / 60.0F);
  for (std::size_t i = 0; i < count; i += hn::Lanes(floats)) {
    Float value[3];
    for (std::size_t c = 0; c < 3; ++c) {
      value[c] = hn::Mul(hn::Add(hn::LoadU(floats, row[c] + i), brightness), before);
    }
    shift_hue(value[0], value[1], value[2], saturation, largest_saturation, hue);
    for (std::size_t c = 0; c < 3; ++c) {
      const Float result = apply(hn::Mul(value[c], after), hn::Set(floats, affine.offset[c]), affine.scale[c]);
      store(result, floats, out[c] + i, count - i);
    }
  }
}

void widen(const std::uint8_t* from, std::uint32_t channels, std::size_t count, std::uint8_t* to) {
  const hn::ScalableTag<std::uint8_t> bytes;
  const std::size_t lanes = hn::Lanes(bytes);
  std::size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    if (channels == 1) {
      const auto gray = hn::LoadU(bytes, from + i);
      hn::StoreInterleaved4(gray, gray, gray, gray, bytes, to + 4 * i);
    } else {
      hn::Vec<decltype(bytes)> value[3];
      hn::LoadInterleaved3(bytes, from + 3 * i, value[0], value[1], value[2]);
      hn::StoreInterleaved4(value[0], value[1], value[2], hn::Zero(bytes), bytes, to + 4 * i);
    }
  }
  for (; i < count; ++i) {
    for (std::size_t c = 0; c < 3; ++c) to[4 * i + c] = from[channels == 1 ? i : 3 * i + c];
    to[4 * i + 3] = 0;
  }
}

void separate_bytes(const std::uint8_t* pixels, std::size_t count, const Planes<std::uint8_t>& out) {
  const hn::ScalableTag<std::uint8_t> bytes;
  for (std::size_t i = 0; i < count; i += hn::Lanes(bytes)) {
    hn::Vec<decltype(bytes)> value[4];
    hn::LoadInterleaved4(bytes, pixels + 4 * i, value[0], value[1], value[2], value[3]);
    for (std::size_t c = 0; c < 3; ++c) store(value[c], bytes, out[c] + i, count - i);
  }
}

template <class T>
HWY_INLINE void interleave_planes(const Planes<const T>& row, std::uint32_t channels, std::size_t count, T* out) {
  if (channels == 1) {
    std::memcpy(out, row[0], count * sizeof(T));
    return;
  }
  const hn::ScalableTag<T> tag;
  const std::size_t lanes = hn::Lanes(tag);
  for (std::size_t i = 0; i < count; i += lanes) {
    T tail[4 * HWY_MAX_BYTES / sizeof(T)];
    const bool whole = i + lanes <= count;
    T* to = whole ? out + channels * i : tail;
    const auto first = hn::LoadU(tag, row[0] + i);
    const auto second = hn::LoadU(tag, row[1] + i);
    const auto third = hn::LoadU(tag, row[2] + i);
    if (channels == 3) {
      hn::StoreInterleaved3(first, second, third, tag, to);
    } else {
      hn::StoreInterleaved4(first, second, third, hn::Zero(tag), tag, to);
    }
    if (!whole) std::memcpy(out + channels * i, tail, (count - i) * channels * sizeof(T));
  }
}

void interleave_bytes(const Planes<const std::uint8_t>& row, std::uint32_t channels, std::size_t count,
                      std::uint8_t* out) {
  interleave_planes(row, channels, count, out);
}

void interleave_floats(const Planes<const float>& row, std::uint32_t channels, std::size_t count, float* out) {
  interleave_planes(row, channels, count, out);
}

}  // namespace penstock::transform::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace penstock::transform::kernels {

HWY_EXPORT(resample_to_sums);
HWY_EXPORT(resample_to_floats);
HWY_EXPORT(resample_floats);
HWY_EXPORT(blend_to_bytes);
HWY_EXPORT(blend_sums_to_floats);
HWY_EXPORT(blend_floats);
HWY_EXPORT(apply_affine);
HWY_EXPORT(apply_photometric);
HWY_EXPORT(widen);
HWY_EXPORT(separate_bytes);
HWY_EXPORT(interleave_bytes);
HWY_EXPORT(interleave_floats);

void widen_pixels(const std::uint8_t* from, std::uint32_t channels, std::size_t count, std::uint8_t* to) {
  HWY_DYNAMIC_DISPATCH(widen)(from, channels, count, to);
}

void resample(const std::uint8_t* row, const Columns& columns, std::uint64_t* pairs, const Planes<std::int16_t>& to) {
  HWY_DYNAMIC_DISPATCH(resample_to_sums)(row, columns, pairs, to);
}

void resample(const std::uint8_t* row, const Columns& columns, std::uint64_t* pairs, const Planes<float>& to) {
  HWY_DYNAMIC_DISPATCH(resample_to_floats)(row, columns, pairs, to);
}

void resample(const float* row, const Columns& columns, const Planes<float>& to) {
  HWY_DYNAMIC_DISPATCH(resample_floats)(row, columns, to);
}

void blend(const Planes<const std::int16_t>& first, const Planes<const std::int16_t>& second, std::int16_t first_weight,
           std::int16_t second_weight, std::size_t count, const Planes<std::uint8_t>& out) {
  HWY_DYNAMIC_DISPATCH(blend_to_bytes)(first, second, first_weight, second_weight, count, out);
}

void blend(const Planes<const std::int16_t>& first, const Planes<const std::int16_t>& second, std::int16_t first_weight,
           std::int16_t second_weight, const Affine& affine, std::size_t count, const Planes<float>& out) {
  HWY_DYNAMIC_DISPATCH(blend_sums_to_floats)(first, second, first_weight, second_weight, affine, count, out);
}

void blend(const Planes<const float>& first, const Planes<const float>& second, float first_weight, float second_weight,
           const Affine& affine, std::size_t count, const Planes<float>& out) {
  HWY_DYNAMIC_DISPATCH(blend_floats)(first, second, first_weight, second_weight, affine, count, out);
}

void apply(const Planes<const float>& row, const Affine& affine, std::size_t count, const Planes<float>& out) {
  HWY_DYNAMIC_DISPATCH(apply_affine)(row, affine, count, out);
}

void apply(const Planes<const float>& row, const Photometric& photometric, const Affine& affine, std::size_t count,
           const Planes<float>& out) {
  HWY_DYNAMIC_DISPATCH(apply_photometric)(row, photometric, affine, count, out);
}

void separate(const std::uint8_t* pixels, std::size_t count, const Planes<std::uint8_t>& out) {
  HWY_DYNAMIC_DISPATCH(separate_bytes)(pixels, count, out);
}

void interleave(const Planes<const std::uint8_t>& row, std::uint32_t channels, std::size_t count, std::uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(interleave_bytes)(row, channels, count, out);
}

void interleave(const Planes<const float>& row, std::uint32_t channels, std::size_t count, float* out) {
  HWY_DYNAMIC_DISPATCH(interleave_floats)(row, channels, count, out);
}

}  // namespace penstock::transform::kernels
#endif
