#include "pipeline/read_schedule.h"

#include <algorithm>

namespace penstock::pipeline {
namespace {

constexpr std::uint64_t kDensity = 4;

std::uint64_t samples_of(const format::ChunkIndex& index, std::uint32_t row) {
  const std::int64_t before = row == 0 ? -1 : index.last_index[row - 1];
  return static_cast<std::uint64_t>(std::max<std::int64_t>(index.last_index[row] - before, 1));
}

}  // namespace

/// When an epoch visits the chunks of a tensor.
struct ReadSchedule::Visits {
  struct Chunk {
    std::uint64_t count = 0;
    std::uint64_t first = 0;  ///< position in the order
    std::uint64_t last = 0;
    std::uint32_t batches = 0;
    std::size_t first_batch = 0;
    std::size_t last_batch = 0;
  };
  std::vector<Chunk> chunks;  ///< by row

  Visits(const TensorSource& source, std::span<const std::int64_t> order, std::span<const std::size_t> batch_ends);
  void add(std::uint32_t row, std::uint64_t position, std::size_t batch);
};

ReadSchedule::Visits::Visits(const TensorSource& source, std::span<const std::int64_t> order,
                             std::span<const std::size_t> batch_ends)
    : chunks(source.index.rows()) {
  const format::ChunkIndex& index = source.index;
  std::uint32_t current = 0;
  std::int64_t first = 0;
  std::int64_t last = -1;
  std::size_t batch = 0;
  for (std::uint64_t position = 0; position < order.size(); ++position) {
    while (batch < batch_ends.size() && position >= batch_ends[batch]) ++batch;
    const auto [begin, end] = source.items_of(order[position]);
    for (std::int64_t item = begin; item < end; ++item) {
      // Most orders stay in a chunk for a while: looking there first spares the search.
      if (item < first || item > last) {
        current = index.locate(item).row;
        first = current == 0 ? 0 : index.last_index[current - 1] + 1;
        last = index.last_index[current];
      }
      add(current, position, batch);
    }
  }
}

void ReadSchedule::Visits::add(std::uint32_t row, std::uint64_t position, std::size_t batch) {
  Chunk& chunk = chunks[row];
  if (chunk.count == 0) {
    chunk.first = position;
    chunk.first_batch = batch;
  }
  if (chunk.count == 0 || chunk.last_batch != batch) ++chunk.batches;
  chunk.last = position;
  chunk.last_batch = batch;
  ++chunk.count;
}

ReadSchedule::ReadSchedule(const std::vector<TensorSource>& sources, const ChunkSizes& sizes,
                           std::uint64_t bytes_worth_a_request, std::span<const std::int64_t> order,
                           std::span<const std::size_t> batch_ends)
    : whole_(sources.size()), uses_(sources.size()), first_needed_(batch_ends.size()) {
  std::uint64_t room = sizes.room();
  for (std::size_t tensor = 0; tensor < sources.size(); ++tensor) {
    const TensorSource& source = sources[tensor];
    if (source.reader != nullptr || sizes.fits(tensor)) {
      whole_[tensor].assign(source.index.rows(), true);
    } else {
      plan(tensor, source, sizes, bytes_worth_a_request, Visits(source, order, batch_ends), room);
    }
  }
  // Samples that are read one by one are taken to be of one size.
  const std::uint64_t each = order.empty() ? 0 : ranged_bytes_ / order.size();
  std::size_t begin = 0;
  for (std::size_t batch = 0; batch < batch_ends.size(); begin = batch_ends[batch++]) {
    first_needed_[batch] += each * (batch_ends[batch] - begin);
  }
}

void ReadSchedule::plan(std::size_t tensor, const TensorSource& source, const ChunkSizes& sizes, std::uint64_t worth,
                        const Visits& visits, std::uint64_t& room) {
  const std::vector<Visits::Chunk>& chunks = visits.chunks;
  const auto rows = static_cast<std::uint32_t>(chunks.size());
  const bool compressed = source.format.chunk_compression != format::Compression::kNone;
  std::vector<bool>& whole = whole_[tensor];
  whole.assign(rows, compressed);
  std::vector<std::uint64_t> sample_bytes(rows);
  // What is open after each batch begins, less what is open before it.
  std::vector<std::int64_t> opened(first_needed_.size() + 1);
  for (std::uint32_t row = 0; row < rows; ++row) {
    const Visits::Chunk& chunk = chunks[row];
    const std::uint64_t size = sizes.of(tensor, row);
    sample_bytes[row] = size / samples_of(source.index, row);
    if (chunk.count == 0) continue;
    // Of a chunk that is not read whole, the header is asked for too.
    if (!compressed) whole[row] = size <= chunk.count * (sample_bytes[row] + worth) + worth;
    if (!whole[row]) continue;
    opened[chunk.first_batch] += static_cast<std::int64_t>(size);
    opened[chunk.last_batch + 1] -= static_cast<std::int64_t>(size);
  }
  std::int64_t open = 0;
  std::int64_t most_open = 0;
  for (const std::int64_t change : opened) most_open = std::max(most_open, open += change);
  const bool held = static_cast<std::uint64_t>(most_open) <= room;
  if (held) {
    room -= static_cast<std::uint64_t>(most_open);
    for (const Visits::Chunk& chunk : chunks) uses_[tensor].push_back(chunk.batches);
  }
  for (std::uint32_t row = 0; row < rows; ++row) {
    const Visits::Chunk& chunk = chunks[row];
    if (!held && !compressed) {
      const bool dense = chunk.count > 1 && chunk.last - chunk.first + 1 <= kDensity * chunk.count;
      whole[row] = whole[row] && (dense || sizes.of(tensor, row) <= worth);
    }
    if (chunk.count == 0) continue;
    if (whole[row]) {
      first_needed_[chunk.first_batch] += sizes.of(tensor, row);
    } else {
      ranged_bytes_ += chunk.count * sample_bytes[row];
    }
  }
}

}  // namespace penstock::pipeline
