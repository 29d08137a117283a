#include "storage/http/retry_wait.h"

#include <algorithm>
#include <cmath>

namespace penstock::storage::http {
namespace {

constexpr double kLongestAskedFor = 60;

}  // namespace

RetryWait::RetryWait(const HttpOptions& options, std::uint64_t seed)
    : first_(options.backoff_seconds), longest_(options.backoff_cap_seconds), random_(seed) {}

double RetryWait::seconds(unsigned failed, double asked_for) {
  const double bound = std::min(longest_, first_ * std::exp2(std::min(failed, 64U) - 1.0));
  const double wait = std::uniform_real_distribution<double>(0, std::max(bound, 0.0))(random_);
  return std::max(wait, std::min(asked_for, kLongestAskedFor));
}

}  // namespace penstock::storage::http
