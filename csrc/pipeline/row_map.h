#pragma once

#include <cstdint>
#include <vector>

namespace penstock::pipeline {

/// Which samples of a tensor a view has: sample i of the view is sample at(i) of the tensor. Python has checked that
/// the tensor has them.
struct RowMap {
  std::int64_t start = 0;  ///< of a slice
  std::int64_t step = 1;
  std::vector<std::int64_t> list;  ///< else one by one

  std::int64_t at(std::int64_t sample) const {
    return list.empty() ? start + step * sample : list[static_cast<std::size_t>(sample)];
  }
};

}  // namespace penstock::pipeline
