#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "base/memory_budget.h"
#include "pipeline/fault.h"
#include "pipeline/fetch_group.h"
#include "pipeline/fetched.h"
#include "pipeline/held_chunks.h"
#include "pipeline/recipe.h"
#include "pipeline/wanted.h"

namespace penstock::pipeline {

/// Where a batch is.
enum class At : std::uint8_t { kStorage, kGeometry, kMemory, kPixels };

/// A batch under way: what the stages have made of it so far, each from what the one before has made.
struct Job {
  Job(std::size_t batch, Wanted wanted, std::unique_ptr<Planned> expanded)
      : number(batch), fetched(std::in_place, std::move(wanted)), planned(std::move(expanded)) {}

  const std::size_t number;
  Faults faults;
  std::optional<Fetched> fetched;
  std::unique_ptr<Planned> planned;
  LaidOut laid_out;
  base::MemoryBudget::Hold coming;  ///< what was asked of storage
  bool has_memory = false;          ///< or waits for it

  // Of the stage under way.
  std::atomic<At> at{At::kStorage};
  mutable std::mutex watched;  ///< while others may look: the two that follow
  std::vector<FetchGroup> groups;
  std::vector<bool> answered;    ///< which of these
  std::vector<ChunkPlace> used;  ///< chunks that this batch was planned to use
  std::atomic<int> gates{2};     ///< that are still shut
  std::chrono::steady_clock::time_point admitted = {};
  std::vector<std::size_t> unplanned;  ///< positions that this round of geometry is for
  std::vector<Verdict> verdicts;       ///< on these
  std::atomic<std::size_t> pending{0};
};

}  // namespace penstock::pipeline
