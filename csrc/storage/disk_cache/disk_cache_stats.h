#pragma once

#include <atomic>
#include <cstdint>

namespace penstock::storage {

/// What a store has had of a disk cache since it was made.
struct DiskCacheStats {
  using Counter = std::atomic<std::uint64_t>;

  Counter hits{0};     ///< requests that the disk answered
  Counter bytes{0};    ///< given by it
  Counter probes{0};   ///< requests of a byte, to see whether a file of another process still stands
  Counter written{0};  ///< objects that were put there
  Counter damaged{0};  ///< files that were damaged, or none of the cache's
  Counter full{0};     ///< objects for which there was no room
  Counter behind{0};   ///< objects that were not put there because writing was behind
};

}  // namespace penstock::storage
