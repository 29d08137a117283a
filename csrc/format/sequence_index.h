#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace penstock::format {

/// Which items make up which sequence: runs of sequences with equally many items. Built and checked by the control
/// plane from the sequence encoder: every item exists.
struct SequenceIndex {
  std::vector<std::int64_t> lengths;     ///< items of each sequence of a run
  std::vector<std::int64_t> first_item;  ///< of a run's first sequence
  std::vector<std::int64_t> last;        ///< last sequence of a run, inclusive; rises strictly

  struct Items {
    std::int64_t begin = 0;
    std::int64_t end = 0;
  };

  /// `sequence` is not past the last one.
  Items items(std::int64_t sequence) const {
    const auto run = static_cast<std::size_t>(std::lower_bound(last.begin(), last.end(), sequence) - last.begin());
    const std::int64_t first = run == 0 ? 0 : last[run - 1] + 1;
    const std::int64_t begin = first_item[run] + (sequence - first) * lengths[run];
    return {begin, begin + lengths[run]};
  }
};

}  // namespace penstock::format
