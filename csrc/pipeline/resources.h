#pragma once

#include <vector>

#include "base/stats.h"
#include "base/thread_pool.h"
#include "batch/slab_pool.h"
#include "pipeline/fetch.h"
#include "pipeline/recipe.h"
#include "pipeline/tensor_source.h"

namespace penstock::pipeline {

/// What the epochs of a loader have in common, all of it the loader's and thread-safe.
struct Resources {
  const std::vector<TensorSource>& sources;
  Fetcher& fetcher;
  const Recipe& recipe;
  std::vector<batch::SlabPool>& slabs;  ///< by tensor of a batch
  base::ThreadPool& io_threads;
  base::ThreadPool& decode_threads;
  base::Stats& stats;
  unsigned prefetch;  ///< batches under way or ready, beside the one the consumer has
};

}  // namespace penstock::pipeline
