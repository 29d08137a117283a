#pragma once

#include <atomic>
#include <cstdint>

namespace penstock::storage {

/// What an HttpStore has done since it was made. Times are nanoseconds, summed over requests.
struct HttpStats {
  using Counter = std::atomic<std::uint64_t>;

  Counter requests{0};  ///< sent: first attempts, retries, hedges, redirects
  Counter answers{0};   ///< objects handed out
  Counter failures{0};  ///< errors handed out
  Counter bytes{0};     ///< of bodies, received

  Counter retries{0};  ///< the sum of those by cause
  Counter retries_connect{0};
  Counter retries_reset{0};
  Counter retries_stalled{0};
  Counter retries_server{0};     ///< 5xx
  Counter retries_throttled{0};  ///< 429, SlowDown
  Counter retries_short{0};
  Counter retries_bad_answer{0};

  Counter hedges{0};
  Counter hedges_won{0};
  Counter redirects{0};
  Counter whole_answers{0};  ///< 200 where a range was asked for

  Counter connections_opened{0};
  Counter connection_limit{0};  ///< requests that may be under way now
  Counter in_flight{0};
  Counter most_in_flight{0};
  Counter queued{0};  ///< wait for their turn or for a URL

  Counter first_byte_ns{0};  ///< from a request to the first byte of its answer
  Counter sign_calls{0};
  Counter urls_signed{0};
  Counter sign_ns{0};
};

}  // namespace penstock::storage
