#pragma once

#include <cstdint>
#include <vector>

#include "transform/pixels/row_kernels.h"
#include "transform/pixels/scratch.h"
#include "transform/pixels/taps.h"
#include "transform/pixels/window.h"

namespace penstock::transform {

/// Composes one image's columns: those that `after` shows, resized by `taps`, out of those of `before`, which shows a
/// source of `width` columns beside its only layer, if it has one. With `integer` that layer's part is in integer
/// weights.
class ColumnTable {
 public:
  ColumnTable(const std::vector<Tap>& taps, const AxisWindow& after, const Window& before, std::int32_t width,
              bool integer);
  const kernels::Columns& columns() const { return columns_; }

 private:
  void find_windows(std::int32_t* left, std::int32_t* windows);

  kernels::Columns columns_;
  Scratch memory_;
};

}  // namespace penstock::transform
