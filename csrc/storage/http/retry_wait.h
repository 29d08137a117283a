#pragma once

#include <random>

#include "storage/http/http_options.h"

namespace penstock::storage::http {

/// How long a request waits before it is tried again.
class RetryWait {
 public:
  explicit RetryWait(const HttpOptions& options, std::uint64_t seed = std::random_device()());

  /// Seconds after the attempt number `failed` (the first is 1) has failed: full jitter, a number from 0 to
  /// backoff_seconds * 2^(failed - 1), at most backoff_cap_seconds; and not less than what the server asked for, which
  /// is believed up to a minute.
  double seconds(unsigned failed, double asked_for);

 private:
  double first_;
  double longest_;
  std::mt19937_64 random_;
};

}  // namespace penstock::storage::http
