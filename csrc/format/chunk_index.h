#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

namespace penstock::format {

/// Which samples of a tensor a view has: sample i of the view is sample at(i) of the tensor. Python has checked that the
/// tensor has them.
struct RowMap {
  std::int64_t start = 0;  ///< of a slice
  std::int64_t step = 1;
  std::vector<std::int64_t> list;  ///< else one by one

  std::int64_t at(std::int64_t sample) const {
    return list.empty() ? start + step * sample : list[static_cast<std::size_t>(sample)];
  }
};

/// Which chunk holds which samples: one row a chunk. Built and checked by the control plane from the tensor's
/// chunk id encoder; the last indices rise strictly.
struct ChunkIndex {
  std::vector<std::uint64_t> ids;
  std::vector<std::int64_t> last_index;  ///< last sample of the row, inclusive
  std::vector<std::uint32_t> folder_of;  ///< row -> folders
  std::vector<std::string> folders;      ///< a chunk lies in the folder of the commit that wrote it
  std::optional<RowMap> view = {};       ///< samples are counted as this view has them

  struct Place {
    std::uint32_t row = 0;
    std::uint64_t local_index = 0;
  };

  std::int64_t samples() const { return last_index.empty() ? 0 : last_index.back() + 1; }
  std::uint32_t rows() const { return static_cast<std::uint32_t>(ids.size()); }

  /// Which of the tensor's samples a view's is.
  std::int64_t stored(std::int64_t sample) const { return view ? view->at(sample) : sample; }

  /// `sample` is below samples(), or one of the view's.
  Place locate(std::int64_t sample) const {
    sample = stored(sample);
    const auto row = std::lower_bound(last_index.begin(), last_index.end(), sample) - last_index.begin();
    const std::int64_t first = row == 0 ? 0 : last_index[static_cast<std::size_t>(row) - 1] + 1;
    return {static_cast<std::uint32_t>(row), static_cast<std::uint64_t>(sample - first)};
  }

  std::string key(std::uint32_t row) const {
    char name[17];
    std::snprintf(name, sizeof name, "%llx", static_cast<unsigned long long>(ids[row]));
    return folders[folder_of[row]] + "/" + name;
  }
};

}  // namespace penstock::format
