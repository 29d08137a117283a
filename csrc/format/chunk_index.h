#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "format/tiling.h"

namespace penstock::format {

/// Which chunk holds which samples (of a tensor of sequences: which items): one row a chunk. Built and checked by the
/// control plane from the tensor's chunk id and tile encoders. The last indices rise strictly, but for the tiles of a
/// sample: these should have a row each, one after the other, with nothing else in their chunks.
struct ChunkIndex {
  std::vector<std::uint64_t> ids;
  std::vector<std::int64_t> last_index;       ///< last sample of the row, inclusive
  std::vector<std::uint32_t> folder_of;       ///< row -> folders
  std::vector<std::string> folders;           ///< a chunk lies in the folder of the commit that wrote it
  std::map<std::int64_t, Tiling> tiles = {};  ///< how the samples are cut that are in tiles

  /// Where a sample lies.
  struct Location {
    std::uint32_t row = 0;
    std::uint64_t local_index = 0;
  };

  std::int64_t samples() const { return last_index.empty() ? 0 : last_index.back() + 1; }
  std::uint32_t rows() const { return static_cast<std::uint32_t>(ids.size()); }

  /// Of a sample in tiles: its first tile. `sample` is below samples().
  Location locate(std::int64_t sample) const {
    const auto row = std::lower_bound(last_index.begin(), last_index.end(), sample) - last_index.begin();
    const std::int64_t first = row == 0 ? 0 : last_index[static_cast<std::size_t>(row) - 1] + 1;
    return {static_cast<std::uint32_t>(row), static_cast<std::uint64_t>(sample - first)};
  }

  /// How the sample of a row is cut, where the row's chunk is a tile; else null.
  const Tiling* tiling_of(std::uint32_t row) const {
    const auto found = tiles.find(last_index[row]);
    return found == tiles.end() ? nullptr : &found->second;
  }

  /// Rows whose last sample is this one: of a sample in tiles, those of its tiles.
  std::uint64_t rows_of(std::int64_t sample) const {
    const auto [begin, end] = std::equal_range(last_index.begin(), last_index.end(), sample);
    return static_cast<std::uint64_t>(end - begin);
  }

  std::string key(std::uint32_t row) const {
    char name[17];
    std::snprintf(name, sizeof name, "%llx", static_cast<unsigned long long>(ids[row]));
    return folders[folder_of[row]] + "/" + name;
  }
};

}  // namespace penstock::format
