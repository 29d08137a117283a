#include "pipeline/read_policy.h"

#include <algorithm>
#include <numeric>

#include "base/error.h"

namespace penstock::pipeline {
namespace {

constexpr std::uint64_t kDensity = 4;

/// Sum of the sizes of a tensor's chunks; stops once it is past `limit`.
std::uint64_t stored_bytes(const TensorSource& source, storage::Store& store, std::uint64_t limit) {
  std::uint64_t total = 0;
  for (std::uint32_t row = 0; row < source.index.rows() && total <= limit; ++row) {
    try {
      total += store.size(source.index.key(row));
    } catch (const base::Error&) {
      continue;
    }
  }
  return total;
}

std::vector<bool> visited_densely(const TensorSource& source, std::span<const std::int64_t> order) {
  const format::ChunkIndex& index = source.index;
  struct Visits {
    std::uint64_t count = 0;
    std::uint64_t first = 0;
    std::uint64_t last = 0;
  };
  std::vector<Visits> visits(index.rows());
  std::uint32_t current = 0;
  std::int64_t first = 0;
  std::int64_t last = -1;
  for (std::uint64_t position = 0; position < order.size(); ++position) {
    const auto [begin, end] = source.items_of(order[position]);
    for (std::int64_t item = begin; item < end; ++item) {
      // Most orders stay in a chunk for a while: looking there first spares the search.
      if (item < first || item > last) {
        current = index.locate(item).row;
        first = current == 0 ? 0 : index.last_index[current - 1] + 1;
        last = index.last_index[current];
      }
      Visits& chunk = visits[current];
      if (chunk.count == 0) chunk.first = position;
      chunk.last = position;
      ++chunk.count;
    }
  }
  std::vector<bool> dense(index.rows());
  for (std::size_t row = 0; row < dense.size(); ++row) {
    const Visits& chunk = visits[row];
    dense[row] = chunk.count > 1 && chunk.last - chunk.first + 1 <= kDensity * chunk.count;
  }
  return dense;
}

}  // namespace

std::vector<bool> tensors_that_fit(const std::vector<TensorSource>& sources, storage::Store& store,
                                   std::uint64_t budget_bytes) {
  std::vector<std::uint64_t> bytes(sources.size());
  for (std::size_t i = 0; i < sources.size(); ++i) bytes[i] = stored_bytes(sources[i], store, budget_bytes);
  std::vector<std::size_t> smallest_first(sources.size());
  std::iota(smallest_first.begin(), smallest_first.end(), 0);
  std::sort(smallest_first.begin(), smallest_first.end(),
            [&](std::size_t a, std::size_t b) { return bytes[a] < bytes[b]; });
  std::vector<bool> fits(sources.size());
  std::uint64_t left = budget_bytes;
  for (const std::size_t tensor : smallest_first) {
    fits[tensor] = bytes[tensor] <= left;
    if (!fits[tensor]) break;
    left -= bytes[tensor];
  }
  return fits;
}

ReadPolicy::ReadPolicy(const std::vector<TensorSource>& sources, const std::vector<bool>& fits,
                       std::span<const std::int64_t> order) {
  for (std::size_t tensor = 0; tensor < sources.size(); ++tensor) {
    const TensorSource& source = sources[tensor];
    if (source.reader != nullptr || fits[tensor] || source.format.chunk_compression != format::Compression::kNone) {
      whole_.emplace_back(source.index.rows(), true);
    } else {
      whole_.push_back(visited_densely(source, order));
    }
  }
}

}  // namespace penstock::pipeline
