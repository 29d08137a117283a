#include "storage/http/retry_log.h"

#include <utility>

#include "storage/http/shown_url.h"

namespace penstock::storage::http {
namespace {

/// A burst has ended when there was no retry for so long.
constexpr std::chrono::seconds kQuiet{30};

}  // namespace

std::optional<std::string> RetryLog::on_retry(TimePoint now, const std::string& where, const std::string& why) {
  const TimePoint before = std::exchange(last_, now);
  if (before != TimePoint{} && now - before < kQuiet) return std::nullopt;
  return "a request to " + origin_of(where) + " is tried again: " + why +
         ". More such are counted (stats()) and not reported, until there were none for half a minute";
}

}  // namespace penstock::storage::http
