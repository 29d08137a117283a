#include "pipeline/chunk_sizes.h"

#include <algorithm>
#include <future>
#include <memory>
#include <numeric>
#include <utility>

namespace penstock::pipeline {
namespace {

/// What Deep Lake fills chunks up to, for storage that does not tell sizes.
constexpr std::uint64_t kUsualChunk = std::uint64_t{8} << 20;
/// Of a tensor, to learn what is usual.
constexpr std::uint32_t kAskedChunks = 8;

}  // namespace

ChunkSizes::ChunkSizes(const std::vector<TensorSource>& sources, const storage::Store& store,
                       std::uint64_t budget_bytes, const std::vector<std::uint64_t>& usual)
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
      const std::uint64_t asked = usual.empty() ? 0 : usual[tensor];
      known.guessed = asked == 0;
      known.bytes.clear();
      known.mean = asked == 0 ? kUsualChunk : asked;
      total = index.rows() * known.mean;
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

bool ChunkSizes::guessed() const {
  for (std::size_t tensor = 0; tensor < known_.size(); ++tensor) {
    if (guessed(tensor)) return true;
  }
  return false;
}

std::vector<std::uint64_t> asked_sizes(const std::vector<TensorSource>& sources, const ChunkSizes& guessed,
                                       storage::Store& store) {
  using Answers = std::vector<std::future<base::Result<storage::Object>>>;
  std::vector<Answers> asked(sources.size());
  for (std::size_t tensor = 0; tensor < sources.size(); ++tensor) {
    const format::ChunkIndex& index = sources[tensor].index;
    if (!guessed.guessed(tensor)) continue;
    const auto rows = static_cast<std::uint32_t>(index.rows());
    const std::uint32_t count = std::min(rows, kAskedChunks);
    for (std::uint32_t number = 0; number < count; ++number) {
      // Spread over all of them: the last chunk is often a small one.
      const auto row = static_cast<std::uint32_t>(std::uint64_t{number} * rows / count);
      const auto promise = std::make_shared<std::promise<base::Result<storage::Object>>>();
      asked[tensor].push_back(promise->get_future());
      store.get({index.key(row), base::ByteRange{0, 1}},
                [promise](base::Result<storage::Object> result) { promise->set_value(std::move(result)); });
    }
  }
  std::vector<std::uint64_t> usual(sources.size());
  for (std::size_t tensor = 0; tensor < sources.size(); ++tensor) {
    std::uint64_t total = 0;
    std::uint64_t answers = 0;
    for (std::future<base::Result<storage::Object>>& answer : asked[tensor]) {
      base::Result<storage::Object> result = answer.get();
      // What is wrong with a chunk is said when it is read.
      if (!result.sound()) continue;
      total += result.value().size;
      ++answers;
    }
    if (answers > 0) usual[tensor] = std::max<std::uint64_t>(total / answers, 1);
  }
  return usual;
}

}  // namespace penstock::pipeline
