#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "base/trace.h"

namespace penstock::base {

/// What a loader has done since it was made. Times are nanoseconds, summed over threads.
struct Stats {
  const std::uint16_t loader = next_loader();  ///< which one of the process, from 1; begins anew after 65535
  std::atomic<std::uint64_t> samples{0};
  std::atomic<std::uint64_t> batches{0};
  std::atomic<std::uint64_t> bytes_read{0};
  std::atomic<std::uint64_t> reads{0};
  std::atomic<std::uint64_t> chunks_read{0};
  std::atomic<std::uint64_t> cache_hits{0};
  std::atomic<std::uint64_t> cache_misses{0};
  std::atomic<std::uint64_t> encoded_bytes{0};
  std::atomic<std::uint64_t> coefficient_hits{0};    ///< images whose coefficients had been kept
  std::atomic<std::uint64_t> coefficient_misses{0};  ///< others, where they could have been
  std::atomic<std::uint64_t> coefficients_kept{0};   ///< images
  std::atomic<std::uint64_t> coefficient_bytes{0};   ///< of these
  std::atomic<std::uint64_t> fetch_ns{0};            ///< storage worked on requests
  std::atomic<std::uint64_t> data_wait_ns{0};        ///< batches whose turn it was waited for their data
  std::atomic<std::uint64_t> decode_ns{0};
  std::atomic<std::uint64_t> transform_ns{0};
  std::atomic<std::uint64_t> wait_ns{0};

 private:
  static std::uint16_t next_loader() {
    static std::atomic<std::uint32_t> made{0};
    return static_cast<std::uint16_t>(made++ % 0xffff + 1);
  }
};

/// Adds the time of a scope to one of the counters.
class StageTimer {
 public:
  explicit StageTimer(std::atomic<std::uint64_t>& total) : total_(total), start_(std::chrono::steady_clock::now()) {}
  ~StageTimer() { total_ += elapsed(); }
  /// Nanoseconds so far.
  std::uint64_t elapsed() const {
    const auto elapsed = std::chrono::steady_clock::now() - start_;
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(elapsed).count());
  }
  StageTimer(const StageTimer&) = delete;
  StageTimer& operator=(const StageTimer&) = delete;

 private:
  std::atomic<std::uint64_t>& total_;
  std::chrono::steady_clock::time_point start_;
};

/// Divides the time of a scope between two counters: what lies within a Part goes to one, the rest to the other. Of one
/// thread; parts do not nest.
class SplitTimer {
 public:
  SplitTimer(std::atomic<std::uint64_t>& parts, std::atomic<std::uint64_t>& rest)
      : parts_(parts), rest_(rest), start_(Clock::now()) {}
  ~SplitTimer() {
    const trace::Parts split{nanoseconds(in_parts_), nanoseconds(Clock::now() - start_ - in_parts_)};
    parts_ += split.decode;
    rest_ += split.transform;
    trace::parts = split;
  }
  SplitTimer(const SplitTimer&) = delete;
  SplitTimer& operator=(const SplitTimer&) = delete;

  /// A scope whose time is set apart.
  class Part {
   public:
    explicit Part(SplitTimer& timer) : timer_(timer), start_(Clock::now()) {}
    ~Part() { timer_.in_parts_ += Clock::now() - start_; }
    Part(const Part&) = delete;
    Part& operator=(const Part&) = delete;

   private:
    SplitTimer& timer_;
    std::chrono::steady_clock::time_point start_;
  };

 private:
  using Clock = std::chrono::steady_clock;
  static std::uint64_t nanoseconds(Clock::duration elapsed) {
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(elapsed).count());
  }

  std::atomic<std::uint64_t>& parts_;
  std::atomic<std::uint64_t>& rest_;
  const Clock::time_point start_;
  Clock::duration in_parts_{0};
};

}  // namespace penstock::base
