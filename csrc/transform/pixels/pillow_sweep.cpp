#include "transform/pixels/pillow_sweep.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <vector>

#include "transform/pixels/pillow_kernel.h"
#include "transform/pixels/pillow_taps.h"
#include "transform/pixels/scratch.h"
#include "transform/pixels/surroundings.h"

namespace penstock::transform {
namespace {

/// Of which coordinates of the source one of the result is made, rising, and with what weights.
struct Sources {
  std::int32_t first = 0;
  std::int32_t count = 0;
  const std::int32_t* weights = nullptr;
  bool reversed = false;

  std::int32_t weight(std::int32_t place) const {
    if (place >= count) return 0;
    return weights[reversed ? count - 1 - place : place];
  }
};

class AxisTaps {
 public:
  AxisTaps(const AxisWindow& before, std::int32_t resized)
      : before_(before), taps_(pillow_linear_taps(before.size, resized)) {}

  std::size_t most() const { return taps_.most; }
  Sources of(std::int32_t at) const {
    const auto place = static_cast<std::size_t>(at);
    const std::int32_t count = taps_.counts[place];
    const std::int32_t first = taps_.first[place];
    return {before_.shown(before_.reversed ? first + count - 1 : first), count, &taps_.weights[place * taps_.most],
            before_.reversed};
  }

 private:
  AxisWindow before_;
  PillowTaps taps_;
};

/// Scratch for the columns of a row, and how they are made.
class Columns {
 public:
  Columns(const AxisTaps& taps, const AxisWindow& after, std::int32_t width) {
    columns_.count = after.begin < after.end ? static_cast<std::size_t>(after.end - after.begin) : 0;
    columns_.stride = (columns_.count + 127) / 64 * 64;
    std::size_t most = 0;
    for (std::size_t i = 0; i < columns_.count; ++i) {
      most = std::max(most, static_cast<std::size_t>(taps.of(shown(after, i)).count));
    }
    columns_.pairs = (most + 1) / 2;
    const std::size_t cells = columns_.stride * columns_.pairs;
    memory_ = Scratch(cells * 3 * sizeof(std::uint32_t));
    auto* const left = memory_.as<std::int32_t>();
    auto* const high = memory_.as<std::uint32_t>() + cells;
    auto* const low = high + cells;
    std::memset(left, 0, cells * 3 * sizeof(std::uint32_t));
    for (std::size_t i = 0; i < columns_.count; ++i) {
      const Sources sources = taps.of(shown(after, i));
      begin_ = i == 0 ? sources.first : std::min(begin_, sources.first);
      end_ = std::max(end_, sources.first + sources.count);
      for (std::size_t pair = 0; pair < columns_.pairs; ++pair) {
        const auto place = static_cast<std::int32_t>(2 * pair);
        const auto weights = kernels::SplitWeights::of(sources.weight(place), sources.weight(place + 1));
        const std::size_t cell = pair * columns_.stride + i;
        // Pixels without weight may be any: the last of the row, not one beyond it.
        left[cell] = std::min(sources.first + place, width - 1);
        high[cell] = weights.high;
        low[cell] = weights.low;
      }
    }
    columns_.left = left;
    columns_.high = high;
    columns_.low = low;
  }

  const kernels::PairedColumns& get() const { return columns_; }
  /// The source's columns of which these are made: [begin, end).
  std::int32_t begin() const { return begin_; }
  std::int32_t end() const { return end_; }

 private:
  static std::int32_t shown(const AxisWindow& after, std::size_t column) {
    return after.shown(after.begin + static_cast<std::int32_t>(column));
  }

  kernels::PairedColumns columns_;
  Scratch memory_;
  std::int32_t begin_ = 0;
  std::int32_t end_ = 0;
};

/// The last source rows, their columns resampled.
class RecentRows {
 public:
  RecentRows(SourceRows& rows, const kernels::PairedColumns& columns, std::size_t kept)
      : rows_(rows),
        columns_(columns),
        kept_(kept),
        memory_(columns.stride * 3 * kept),
        room_(columns.stride * sizeof(std::uint64_t)),
        sums_(columns.stride * 3 * sizeof(std::int32_t)) {}

  /// Makes rows [first, end) ready; none may lie before one that was asked for as `first`.
  void load(std::int32_t first, std::int32_t end) {
    for (next_ = std::max(next_, first); next_ < end; ++next_) {
      const auto* const source = reinterpret_cast<const std::uint8_t*>(rows_.row(next_));
      kernels::pillow_columns(source, columns_, room_.as<std::uint64_t>(), sums_.as<std::int32_t>(), planes(next_));
    }
  }

  kernels::Planes<const std::uint8_t> row(std::int32_t number) const {
    const kernels::Planes<std::uint8_t> found = planes(number);
    return {found[0], found[1], found[2]};
  }

 private:
  kernels::Planes<std::uint8_t> planes(std::int32_t number) const {
    auto* const begin = memory_.as<std::uint8_t>() + static_cast<std::size_t>(number) % kept_ * 3 * columns_.stride;
    return {begin, begin + columns_.stride, begin + 2 * columns_.stride};
  }

  SourceRows& rows_;
  const kernels::PairedColumns& columns_;
  std::size_t kept_;
  Scratch memory_;
  Scratch room_;
  Scratch sums_;
  std::int32_t next_ = 0;
};

}  // namespace

void pillow_sweep(SourceRows& rows, const Window& before, Extent resized, const Window& after, const Sink& sink) {
  const AxisTaps column_taps(before.x(), resized.width);
  const AxisTaps row_taps(before.y(), resized.height);
  const Columns columns(column_taps, after.x(), rows.extent().width);
  if (columns.get().count != 0) rows.keep_columns(columns.begin(), columns.end());
  RecentRows recent(rows, columns.get(), row_taps.most() + 1);
  RowWriter<std::uint8_t> writer(sink);
  std::vector<kernels::Planes<const std::uint8_t>> sources;
  std::vector<kernels::SplitWeights> weights;
  const std::int32_t height = after.extent().height;
  // Upwards where the image is upside down, so that source rows are asked for from the top down.
  const bool upwards = after.y().reversed != before.y().reversed;
  for (std::int32_t i = 0; i < height; ++i) {
    const std::int32_t row = upwards ? height - 1 - i : i;
    fill_around(writer, after, sink, row);
    if (columns.get().count == 0 || !after.y().shows(row)) continue;
    const Sources made_of = row_taps.of(after.y().shown(row));
    recent.load(made_of.first, made_of.first + made_of.count);
    sources.clear();
    weights.clear();
    for (std::int32_t place = 0; place < made_of.count; place += 2) {
      sources.push_back(recent.row(made_of.first + place));
      sources.push_back(recent.row(made_of.first + std::min(place + 1, made_of.count - 1)));
      weights.push_back(kernels::SplitWeights::of(made_of.weight(place), made_of.weight(place + 1)));
    }
    const std::size_t count = columns.get().count;
    kernels::pillow_rows(sources.data(), weights.data(), sources.size(), count, writer.planes(row, after.x().begin));
    writer.store(row, after.x().begin, count);
  }
  fill_below(writer, after, sink);
}

}  // namespace penstock::transform
