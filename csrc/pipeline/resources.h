#pragma once

#include <vector>

#include "base/memory_budget.h"
#include "base/stats.h"
#include "base/thread_pool.h"
#include "pipeline/batch_memory.h"
#include "pipeline/fetch.h"
#include "pipeline/kept_images.h"
#include "pipeline/recipe.h"
#include "pipeline/tensor_source.h"

namespace penstock::pipeline {

/// What the epochs of a loader have in common, all of it the loader's and thread-safe.
struct Resources {
  const std::vector<TensorSource>& sources;
  Fetcher& fetcher;
  KeptImages* kept;  ///< null where no images are kept
  const Recipe& recipe;
  BatchMemory& memory;
  base::MemoryBudget& budget;
  base::ThreadPool& reader_threads;  ///< for tensors that have a reader
  base::ThreadPool& decode_threads;
  base::Stats& stats;
  unsigned prefetch;  ///< as LoaderOptions has them
  unsigned prefetch_samples;
  std::uint64_t read_ahead_bytes;  ///< of storage, as stored, that are asked for before those batches need them
};

}  // namespace penstock::pipeline
