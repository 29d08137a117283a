#include "transform/pixels/whole_image.h"

#include <algorithm>
#include <cstring>
#include <type_traits>

namespace penstock::transform {
namespace {

/// Calls with a zero of the image's element type.
template <class Function>
void with_type(const Image& image, const Function& function) {
  if (image.is_float) {
    function(float{});
  } else {
    function(std::uint8_t{});
  }
}

/// numpy's cast: what is left of the decimal point, its low byte.
template <class To, class From>
To cast(From value) {
  if constexpr (std::is_same_v<To, std::uint8_t> && std::is_same_v<From, float>) {
    constexpr float kMost = 1 << 30;
    const float within = value > kMost ? kMost : value > -kMost ? value : -kMost;  // NaN: -kMost
    return static_cast<std::uint8_t>(static_cast<std::int32_t>(within));
  } else {
    return static_cast<To>(value);
  }
}

template <class To, class From>
void copy_pixels(const From* from, std::size_t count, To* to) {
  if constexpr (std::is_same_v<From, To>) {
    std::memcpy(to, from, count * 4 * sizeof(To));
  } else {
    for (std::size_t i = 0; i < count * 4; ++i) to[i] = cast<To>(from[i]);
  }
}

}  // namespace

void fill(Image& image, const Fill& fill) {
  with_type(image, [&](auto zero) {
    using T = decltype(zero);
    const T color[4] = {cast<T>(fill.value[0]), cast<T>(fill.value[1]), cast<T>(fill.value[2]), 0};
    for (const Fill::Rectangle& hole : fill.rectangles) {
      for (std::int32_t row = hole.top; row < hole.bottom; ++row) {
        for (std::int32_t column = hole.left; column < hole.right; ++column) {
          std::copy_n(color, 4, image.pixel<T>(row, column));
        }
      }
    }
  });
}

void paste(Image& base, const Image& image, std::int32_t left, std::int32_t top) {
  const std::int32_t begin = std::max(left, 0);
  const std::int32_t end = std::min(left + image.extent.width, base.extent.width);
  if (begin >= end) return;
  with_type(base, [&](auto base_zero) {
    with_type(image, [&](auto zero) {
      for (std::int32_t row = std::max(top, 0); row < std::min(top + image.extent.height, base.extent.height); ++row) {
        copy_pixels(image.pixel<decltype(zero)>(row - top, begin - left), static_cast<std::size_t>(end - begin),
                    base.pixel<decltype(base_zero)>(row, begin));
      }
    });
  });
}

Image blend(const Image& first, const Image& second) {
  Image result(first.extent, false);
  const std::size_t values =
      static_cast<std::size_t>(first.extent.height) * static_cast<std::size_t>(first.extent.width) * 4;
  auto* const out = result.memory.as<std::uint8_t>();
  with_type(first, [&](auto first_zero) {
    with_type(second, [&](auto second_zero) {
      const auto* const a = first.memory.as<decltype(first_zero)>();
      const auto* const b = second.memory.as<decltype(second_zero)>();
      for (std::size_t i = 0; i < values; ++i) {
        if constexpr (std::is_same_v<decltype(a[i]), decltype(b[i])> && sizeof(a[i]) == 1) {
          out[i] = static_cast<std::uint8_t>((a[i] & b[i]) + ((a[i] ^ b[i]) >> 1));  // in bytes, and the same
        } else {
          out[i] = cast<std::uint8_t>(0.5F * static_cast<float>(a[i]) + 0.5F * static_cast<float>(b[i]));
        }
      }
    });
  });
  return result;
}

void select(Image& base, const Image& image, const std::vector<std::uint8_t>& mask) {
  with_type(base, [&](auto base_zero) {
    with_type(image, [&](auto zero) {
      const auto* const from = image.memory.as<decltype(zero)>();
      auto* const to = base.memory.as<decltype(base_zero)>();
      for (std::size_t i = 0; i < mask.size(); ++i) {
        if (mask[i] != 0) copy_pixels(from + 4 * i, 1, to + 4 * i);
      }
    });
  });
}

}  // namespace penstock::transform
