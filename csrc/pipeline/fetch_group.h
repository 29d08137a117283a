#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "pipeline/fault.h"
#include "pipeline/fetch.h"
#include "pipeline/fetched.h"
#include "pipeline/kept_images.h"
#include "pipeline/read_schedule.h"
#include "pipeline/wanted.h"

namespace penstock::pipeline {

/// Items of a batch that lie in one chunk; an item in tiles by itself, with its first one. Of a tensor with a reader,
/// all.
struct FetchGroup {
  std::size_t tensor = 0;
  std::uint32_t row = 0;
  bool whole = false;    ///< whether the chunk is read whole
  bool planned = false;  ///< whether a sample that the batch was asked for is among them
  std::vector<std::size_t> slots;
};

/// The items of the reads from `first_read` on.
std::vector<FetchGroup> group_by_chunk(const Wanted& wanted, std::size_t first_read, const ReadSchedule& schedule);

/// Fetches the items of a group and calls `then`, once, whatever goes wrong: their errors are kept in `faults`. Chunks
/// that are read whole are shown to `opened` on the way; items that are among `kept`, where there is such, are not
/// fetched; what is no longer `wanted` is not asked of storage. All that is referred to lives until `then` has been
/// called.
void fetch_group(const FetchGroup& group, Fetcher& fetcher, KeptImages* kept, Fetched& fetched, Faults& faults,
                 std::function<void(const Fetcher::ChunkPointer&)> opened, storage::Wanted wanted,
                 std::function<void()> then) noexcept;

/// The same for a tensor that has a reader, which this thread waits for.
void fetch_of_reader(const FetchGroup& group, Fetcher& fetcher, KeptImages* kept, Fetched& fetched,
                     Faults& faults) noexcept;

}  // namespace penstock::pipeline
