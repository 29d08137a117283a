#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace penstock::decode::jpeg {

inline constexpr std::size_t kBlock = 64;

/// Row * 8 + column of each coefficient, in the order in which files have them.
inline constexpr std::array<std::uint8_t, kBlock> kZigzag = [] {
  std::array<std::uint8_t, kBlock> order{};
  std::size_t at = 0;
  for (std::size_t diagonal = 0; diagonal < 15; ++diagonal) {
    for (std::size_t step = 0; step <= diagonal; ++step) {
      // Even diagonals go up, odd ones down.
      const std::size_t row = diagonal % 2 == 0 ? diagonal - step : step;
      const std::size_t column = diagonal - row;
      if (row < 8 && column < 8) order[at++] = static_cast<std::uint8_t>(row * 8 + column);
    }
  }
  return order;
}();

}  // namespace penstock::decode::jpeg
