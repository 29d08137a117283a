#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace penstock::base {

/// What a loader has done since it was made. Times are nanoseconds, summed over threads.
struct Stats {
  std::atomic<std::uint64_t> samples{0};
  std::atomic<std::uint64_t> batches{0};
  std::atomic<std::uint64_t> bytes_read{0};
  std::atomic<std::uint64_t> reads{0};
  std::atomic<std::uint64_t> chunks_read{0};
  std::atomic<std::uint64_t> cache_hits{0};
  std::atomic<std::uint64_t> cache_misses{0};
  std::atomic<std::uint64_t> encoded_bytes{0};
  std::atomic<std::uint64_t> fetch_ns{0};
  std::atomic<std::uint64_t> decode_ns{0};
  std::atomic<std::uint64_t> wait_ns{0};
};

/// Adds the time of a scope to one of the counters.
class StageTimer {
 public:
  explicit StageTimer(std::atomic<std::uint64_t>& total)
      : total_(total), start_(std::chrono::steady_clock::now()) {}
  ~StageTimer() {
    const auto elapsed = std::chrono::steady_clock::now() - start_;
    total_ += static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::nanoseconds>(elapsed).count());
  }
  StageTimer(const StageTimer&) = delete;
  StageTimer& operator=(const StageTimer&) = delete;

 private:
  std::atomic<std::uint64_t>& total_;
  std::chrono::steady_clock::time_point start_;
};

}  // namespace penstock::base
