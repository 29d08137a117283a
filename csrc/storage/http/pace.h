#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <vector>

#include "storage/http/transfer.h"

namespace penstock::storage::http {

/// How fast answers come, and which of those to come are unusually slow.
class Pace {
 public:
  /// Takes note of an answer: how long its first byte took and its body, of `bytes`.
  void on_answer(std::uint64_t bytes, Clock::duration to_first_byte, Clock::duration of_body);

  /// After how long without a first byte a request is unusually slow: half as long again as what 19 of 20 of its size
  /// take. Nothing while too few are known.
  std::optional<Clock::duration> slow_after(std::uint64_t bytes) const;

  /// Latency times the rate of one connection, between 64 KiB and 4 MiB; 1 MiB while too little is known. Any thread.
  std::uint64_t bytes_worth_a_request() const { return bytes_worth_a_request_; }

 private:
  /// The last first-byte times of requests of about one size.
  class Times {
   public:
    void add(Clock::duration time);
    std::optional<Clock::duration> slow() const;

   private:
    std::vector<Clock::duration> last_;
    std::size_t next_ = 0;
    std::optional<Clock::duration> slow_;
    unsigned since_ = 0;
  };

  std::array<Times, 3> by_size_;
  double latency_ = 0;  // seconds
  double rate_ = 0;     // bytes a second
  unsigned known_ = 0;
  std::atomic<std::uint64_t> bytes_worth_a_request_{std::uint64_t{1} << 20};
};

/// Lets one request in twenty be doubled, and a few at once where there were none for a while.
class HedgeBudget {
 public:
  void on_request();
  bool take();

 private:
  double tokens_ = 1;
};

}  // namespace penstock::storage::http
