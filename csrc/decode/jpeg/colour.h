#pragma once

#include <cstddef>
#include <cstdint>

namespace penstock::decode::jpeg {

/// How a pixel lies in memory. Of four bytes the last is 255.
enum class PixelOrder { kRgb, kBgr, kRgbx, kBgrx };

constexpr std::size_t bytes_of(PixelOrder order) {
  return order == PixelOrder::kRgb || order == PixelOrder::kBgr ? 3 : 4;
}

/// A row of YCbCr, [0, width), as RGB: ITU-R BT.601 over the full range, each product in 16 bits of fraction, as
/// libjpeg rounds them. What is read may reach kRowPadding beyond the end of a row; what is written does not.
void convert_ycc(const std::uint8_t* luma, const std::uint8_t* blue, const std::uint8_t* red, std::size_t width,
                 PixelOrder order, std::uint8_t* pixels);

/// A row of gray as RGB.
void convert_gray(const std::uint8_t* luma, std::size_t width, PixelOrder order, std::uint8_t* pixels);

inline constexpr std::size_t kRowPadding = 64;

}  // namespace penstock::decode::jpeg
