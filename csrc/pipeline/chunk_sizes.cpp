#include "pipeline/chunk_sizes.h"

#include <algorithm>
#include <numeric>

namespace penstock::pipeline {
namespace {

/// What Deep Lake fills chunks up to, for storage that does not tell sizes.
constexpr std::uint64_t kUsualChunk = std::uint64_t{8} << 20;

}  // namespace

ChunkSizes::ChunkSizes(const std::vector<TensorSource>& sources, const storage::Store& store,
                       std::uint64_t budget_bytes)
    : known_(sources.size()), fits_(sources.size()), room_(budget_bytes) {
  std::vector<std::uint64_t> totals(sources.size());
  for (std::size_t tensor = 0; tensor < sources.size(); ++tensor) {
    const format::ChunkIndex& index = sources[tensor].index;
    Known& known = known_[tensor];
    std::uint64_t& total = totals[tensor];
    // Asking stops where the answer is clear: a tensor may have a million chunks. Those that are not there count
    // nothing; their error comes when they are read.
    bool told = false;
    for (std::uint32_t row = 0; row < index.rows() && total <= budget_bytes; ++row) {
      const std::optional<std::uint64_t> size = store.known_size(index.key(row));
      told = told || size.has_value();
      known.bytes.push_back(size.value_or(0));
      total += known.bytes.back();
    }
    if (!told) {
      known.bytes.clear();
      known.mean = kUsualChunk;
      total = index.rows() * kUsualChunk;
    } else {
      known.mean = total / known.bytes.size();
    }
  }
  std::vector<std::size_t> smallest_first(sources.size());
  std::iota(smallest_first.begin(), smallest_first.end(), 0);
  std::sort(smallest_first.begin(), smallest_first.end(),
            [&](std::size_t a, std::size_t b) { return totals[a] < totals[b]; });
  for (const std::size_t tensor : smallest_first) {
    fits_[tensor] = totals[tensor] <= room_;
    if (!fits_[tensor]) break;
    room_ -= totals[tensor];
  }
}

std::uint64_t ChunkSizes::of(std::size_t tensor, std::uint32_t row) const {
  const Known& known = known_[tensor];
  return row < known.bytes.size() ? known.bytes[row] : known.mean;
}

}  // namespace penstock::pipeline
