#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "pipeline/fault.h"
#include "pipeline/fetch.h"
#include "pipeline/fetched.h"
#include "pipeline/read_policy.h"
#include "pipeline/wanted.h"

namespace penstock::pipeline {

/// Items of a batch that lie in one chunk; those in tiles are with their first. Of a tensor with a reader, all.
struct FetchGroup {
  std::size_t tensor = 0;
  bool whole = false;  ///< whether the chunk is read whole
  std::vector<std::size_t> slots;
};

/// The items of the reads from `first_read` on.
std::vector<FetchGroup> group_by_chunk(const Wanted& wanted, std::size_t first_read, const ReadPolicy& policy);

/// Fetches the items of a group one by one, or from a reader all at once. Goes on after a fault, as another sample's
/// may come first, until `ended` says that nobody wants the batch any more.
void fetch_group(const FetchGroup& group, Fetcher& fetcher, Fetched& fetched, Faults& faults,
                 const std::function<bool()>& ended);

}  // namespace penstock::pipeline
