#include "decode/arrange.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstring>
#include <limits>
#include <vector>

namespace penstock::decode {
namespace {

/// The bits of a float16: ten of fraction, five of exponent. Of values from 0 to 1.
std::uint16_t float16_bits(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::int32_t exponent = static_cast<std::int32_t>(bits >> 23) - 127;
  const std::uint32_t fraction = (bits & 0x7FFFFFU) | (value == 0 ? 0 : 0x800000U);
  // Below 2**-14 the exponent stays and the fraction gets shorter.
  const std::int32_t dropped = 13 + std::max(0, -14 - exponent);
  if (dropped > 24) return 0;
  const std::uint32_t kept = fraction >> dropped;
  const std::uint32_t rest = fraction & ((1U << dropped) - 1);
  const std::uint32_t half = 1U << (dropped - 1);
  const std::uint32_t rounded = kept + ((rest > half || (rest == half && (kept & 1U) != 0)) ? 1 : 0);
  // Rounding up may carry into the exponent, which is then the right one.
  return static_cast<std::uint16_t>(
      exponent < -14 ? rounded : rounded - 0x400U + (static_cast<std::uint32_t>(exponent + 15) << 10));
}

/// The upper half of a float32.
std::uint16_t bfloat16_bits(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  return static_cast<std::uint16_t>((bits + 0x7FFFU + ((bits >> 16) & 1U)) >> 16);
}

/// What each value of a stored element becomes.
template <class In, class Out, class Convert>
std::vector<Out> table_of(Convert convert) {
  constexpr std::uint32_t kMost = std::numeric_limits<In>::max();
  std::vector<Out> table(kMost + 1);
  for (std::uint32_t value = 0; value <= kMost; ++value) {
    table[value] = convert(static_cast<float>(value) / static_cast<float>(kMost));
  }
  return table;
}

template <class In, class Out, class Value>
void write(const Arrangement& arrangement, base::Bytes pixels, const base::Shape& decoded, Out* out, Value value) {
  const auto* in = reinterpret_cast<const In*>(pixels.data());
  const std::size_t count = pixels.size() / sizeof(In);
  if (!arrangement.planes || decoded.size() != 3 || decoded[2] == 1) {
    for (std::size_t i = 0; i < count; ++i) out[i] = value(in[i]);
    return;
  }
  const std::size_t width = decoded[1];
  const std::size_t channels = decoded[2];
  const std::size_t plane = decoded[0] * width;
  for (std::size_t row = 0; row < decoded[0]; ++row) {
    for (std::size_t channel = 0; channel < channels; ++channel) {
      const In* from = in + row * width * channels + channel;
      Out* to = out + channel * plane + row * width;
      for (std::size_t column = 0; column < width; ++column) to[column] = value(from[column * channels]);
    }
  }
}

template <class In>
void write_scaled(const Arrangement& arrangement, base::Bytes pixels, const base::Shape& decoded, std::byte* out) {
  switch (arrangement.scale) {
    case Scale::kNone:
      return write<In>(arrangement, pixels, decoded, reinterpret_cast<In*>(out), [](In value) { return value; });
    case Scale::kFloat32:
      return write<In>(arrangement, pixels, decoded, reinterpret_cast<float*>(out), [](In value) {
        return static_cast<float>(value) / static_cast<float>(std::numeric_limits<In>::max());
      });
    case Scale::kFloat16: {
      static const std::vector<std::uint16_t> table = table_of<In, std::uint16_t>(float16_bits);
      const std::uint16_t* const values = table.data();
      return write<In>(arrangement, pixels, decoded, reinterpret_cast<std::uint16_t*>(out),
                       [values](In value) { return values[value]; });
    }
    case Scale::kBfloat16: {
      static const std::vector<std::uint16_t> table = table_of<In, std::uint16_t>(bfloat16_bits);
      const std::uint16_t* const values = table.data();
      return write<In>(arrangement, pixels, decoded, reinterpret_cast<std::uint16_t*>(out),
                       [values](In value) { return values[value]; });
    }
  }
}

}  // namespace

std::uint32_t arranged_item_size(const Arrangement& arrangement, std::uint32_t item_size) {
  switch (arrangement.scale) {
    case Scale::kNone:
      return item_size;
    case Scale::kFloat32:
      return 4;
    case Scale::kFloat16:
    case Scale::kBfloat16:
      return 2;
  }
  return item_size;
}

base::Shape arranged_shape(const Arrangement& arrangement, const base::Shape& decoded) {
  if (!arrangement.planes) return decoded;
  if (decoded.size() == 2) return {1, decoded[0], decoded[1]};
  if (decoded.size() == 3) return {decoded[2], decoded[0], decoded[1]};
  return decoded;
}

void arrange_image(const Arrangement& arrangement, base::Bytes pixels, const base::Shape& decoded,
                   std::uint32_t item_size, base::MutableBytes out) {
  if (item_size == 1) {
    write_scaled<std::uint8_t>(arrangement, pixels, decoded, out.data());
  } else {
    write_scaled<std::uint16_t>(arrangement, pixels, decoded, out.data());
  }
}

}  // namespace penstock::decode
