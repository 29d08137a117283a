#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <utility>

#include "pipeline/fetch.h"
#include "pipeline/read_schedule.h"

namespace penstock::pipeline {

/// A chunk of a tensor.
struct ChunkPlace {
  std::size_t tensor = 0;
  std::uint32_t row = 0;
  auto operator<=>(const ChunkPlace&) const = default;
};

/// The chunks that an epoch holds from their first use to their last, as its schedule says, whatever else wants room
/// in the cache. Thread-safe.
class HeldChunks {
 public:
  HeldChunks(const ReadSchedule& schedule, Fetcher& fetcher) : schedule_(schedule), fetcher_(fetcher) {}

  /// A chunk has come.
  void hold(ChunkPlace place, const Fetcher::ChunkPointer& chunk) {
    const std::lock_guard lock(mutex_);
    const std::uint32_t uses = schedule_.uses(place.tensor, place.row);
    if (uses == 0) return;
    Held& held = held_[place];
    if (held.ended < uses) held.chunk = chunk;
  }

  /// A batch is done with it. Its last one lets go of it, and so does the cache.
  void end_use(ChunkPlace place) noexcept {
    Fetcher::ChunkPointer dropped;  // freed outside the lock
    {
      const std::lock_guard lock(mutex_);
      const auto found = held_.find(place);
      if (found == held_.end() || ++found->second.ended < schedule_.uses(place.tensor, place.row)) return;
      dropped = std::move(found->second.chunk);
    }
    fetcher_.forget(place.tensor, place.row);
  }

  /// Lets go of all.
  void clear() noexcept {
    std::map<ChunkPlace, Held> dropped;
    const std::lock_guard lock(mutex_);
    held_.swap(dropped);
  }

 private:
  struct Held {
    Fetcher::ChunkPointer chunk;
    std::uint32_t ended = 0;
  };

  const ReadSchedule& schedule_;
  Fetcher& fetcher_;
  std::mutex mutex_;
  std::map<ChunkPlace, Held> held_;
};

}  // namespace penstock::pipeline
