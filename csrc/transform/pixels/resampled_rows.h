#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "transform/pixels/row_kernels.h"
#include "transform/pixels/scratch.h"
#include "transform/pixels/source_rows.h"

namespace penstock::transform {

/// The last two source rows, their columns resampled; and a row of the color beside the image.
template <class Sum>
class ResampledRows {
 public:
  static constexpr std::int32_t kBeside = -1;
  using Row = kernels::Planes<const Sum>;

  ResampledRows(SourceRows& rows, const kernels::Columns& columns, const Color3& beside)
      : rows_(rows),
        columns_(columns),
        stride_((columns.count + 127) / 64 * 64),
        memory_(stride_ * 9 * sizeof(Sum)),
        pairs_(stride_ * sizeof(std::uint64_t)) {
    for (std::size_t c = 0; c < 3; ++c) {
      // Weights of 2048, shifted right by four: see kernels::resample.
      const Sum value = static_cast<Sum>(std::is_same_v<Sum, float> ? beside[c] : beside[c] * 128);
      std::fill_n(planes(2)[c], stride_, value);
    }
    if (columns.count == 0) return;
    const auto [least, last] = std::minmax_element(columns.left, columns.left + columns.count);
    rows_.keep_columns(*least, std::min(*last + 2, rows_.extent().width));
  }

  /// Rows with these numbers, none of which may lie before one that was asked for earlier and dropped.
  std::pair<Row, Row> get(std::int32_t first, std::int32_t second) {
    const auto [low, high] = std::minmax(first, second);
    load(low, high);
    load(high, low);
    return {row(slot_of(first)), row(slot_of(second))};
  }

 private:
  static constexpr std::int32_t kNone = -2;

  std::size_t slot_of(std::int32_t number) const { return number == kBeside ? 2 : number == held_[0] ? 0 : 1; }

  void load(std::int32_t number, std::int32_t other) {
    if (number == kBeside || held_[0] == number || held_[1] == number) return;
    // The one that is not wanted, and of two the older.
    const std::size_t slot = held_[0] == other ? 1 : held_[1] == other ? 0 : held_[0] < held_[1] ? 0 : 1;
    held_[slot] = number;
    const std::byte* const source = rows_.row(number);
    if (!rows_.is_float()) {
      kernels::resample(reinterpret_cast<const std::uint8_t*>(source), columns_, pairs_.as<std::uint64_t>(),
                        planes(slot));
    } else if constexpr (std::is_same_v<Sum, float>) {
      kernels::resample(reinterpret_cast<const float*>(source), columns_, planes(slot));
    }
  }

  kernels::Planes<Sum> planes(std::size_t slot) const {
    Sum* const begin = memory_.template as<Sum>() + slot * 3 * stride_;
    return {begin, begin + stride_, begin + 2 * stride_};
  }
  Row row(std::size_t slot) const {
    const kernels::Planes<Sum> found = planes(slot);
    return {found[0], found[1], found[2]};
  }

  SourceRows& rows_;
  const kernels::Columns& columns_;
  std::size_t stride_;
  Scratch memory_;
  Scratch pairs_;
  std::int32_t held_[2] = {kNone, kNone};
};

}  // namespace penstock::transform
