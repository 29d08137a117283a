#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/stats.h"
#include "base/thread_pool.h"
#include "pipeline/fetch.h"
#include "storage/counting_store.h"
#include "storage/files.h"

namespace penstock::test {

/// A fetcher with all that it needs, whose answers are waited for.
class Fetching {
 public:
  Fetching(std::shared_ptr<storage::Files> files, const std::vector<pipeline::TensorSource>& sources,
           std::uint64_t cache_bytes, base::Stats& stats);
  ~Fetching();
  Fetching(const Fetching&) = delete;
  Fetching& operator=(const Fetching&) = delete;

  pipeline::FetchedSample fetch(std::size_t tensor, std::int64_t item, bool whole);
  /// Samples of one chunk.
  pipeline::FetchedSamples fetch(std::size_t tensor, std::uint32_t row, const std::vector<std::uint64_t>& local_indices,
                                 bool whole);

 private:
  const std::vector<pipeline::TensorSource>& sources_;
  storage::CountingStore store_;
  base::ThreadPool threads_;
  pipeline::Fetcher fetcher_;
};

}  // namespace penstock::test
