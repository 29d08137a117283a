#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <numeric>
#include <utility>
#include <vector>

#include "pipeline/chunk_sizes.h"
#include "pipeline/epoch.h"
#include "storage/memory_files.h"
#include "support/opened.h"

namespace penstock::test {

/// Batches of nothing: a sample is what a function does with its number, on a decoding thread.
class StandInRecipe final : public pipeline::Recipe {
 public:
  using Decode = std::function<void(std::int64_t sample)>;
  explicit StandInRecipe(Decode decode) : decode_(std::move(decode)) {}

  std::size_t outputs() const override { return 0; }
  bool plans_slowly() const override { return false; }
  std::unique_ptr<pipeline::Planned> expand(pipeline::Wanted&, const pipeline::Randomness&) const override {
    return std::make_unique<pipeline::Planned>();
  }
  pipeline::Verdict plan(const pipeline::Fetched&, pipeline::Planned&, std::size_t) const override {
    return pipeline::Verdict::kTaken;
  }
  void replace(pipeline::Wanted&, pipeline::Planned&, std::size_t) const override {}
  pipeline::LaidOut lay_out(const pipeline::Fetched&, pipeline::Planned&, std::size_t samples) const override {
    pipeline::LaidOut laid_out;
    laid_out.samples = samples;
    return laid_out;
  }
  void decode(const pipeline::Fetched& fetched, const pipeline::Planned&, const pipeline::LaidOut&,
              std::size_t position) const override {
    decode_(fetched.wanted().samples()[position]);
  }

 private:
  Decode decode_;
};

/// What runs epochs of such batches: real threads, and no storage. Epochs must not outlive it.
class StandIn {
 public:
  StandIn(unsigned threads, unsigned prefetch, unsigned prefetch_samples, StandInRecipe::Decode decode)
      : recipe_(std::move(decode)),
        resources_{.sources = sources_,
                   .fetcher = fetcher_,
                   .kept = nullptr,
                   .recipe = recipe_,
                   .memory = memory_,
                   .budget = *budget_,
                   .reader_threads = reader_threads_,
                   .decode_threads = decode_threads_,
                   .stats = stats_,
                   .prefetch = prefetch,
                   .prefetch_samples = prefetch_samples,
                   .read_ahead_bytes = 0},
        decode_threads_("stand-in", threads) {}

  /// An epoch of the samples 0, 1, 2 and so on.
  std::shared_ptr<pipeline::Epoch> start(std::int64_t samples, std::int64_t batch_size) {
    std::vector<std::int64_t> order(static_cast<std::size_t>(samples));
    std::iota(order.begin(), order.end(), 0);
    std::vector<std::size_t> ends;
    for (std::int64_t begin = 0; begin < samples; begin += batch_size) {
      ends.push_back(static_cast<std::size_t>(std::min(begin + batch_size, samples)));
    }
    pipeline::ReadSchedule schedule(sources_, pipeline::ChunkSizes(sources_, *store_, 0), 0, order, ends);
    auto epoch = std::make_shared<pipeline::Epoch>(resources_, std::move(order), std::move(ends), std::move(schedule),
                                                   pipeline::Randomness{});
    epoch->start();
    return epoch;
  }

 private:
  std::vector<pipeline::TensorSource> sources_;
  base::Stats stats_;
  std::shared_ptr<storage::Store> store_ = opened(std::make_shared<storage::MemoryFiles>(), 1);
  std::shared_ptr<base::MemoryBudget> budget_ = std::make_shared<base::MemoryBudget>();
  StandInRecipe recipe_;
  pipeline::Fetcher fetcher_{*store_, sources_, 0, decode_threads_, stats_};
  pipeline::BatchMemory memory_{0, std::make_shared<batch::HeapAllocator>(), 0, budget_};
  const pipeline::Resources resources_;
  base::ThreadPool reader_threads_{"stand-in-rd", 0};
  base::ThreadPool decode_threads_;
};

}  // namespace penstock::test
