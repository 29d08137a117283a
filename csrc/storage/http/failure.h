#pragma once

#include <string>

#include "base/error.h"
#include "storage/http/http_stats.h"

namespace penstock::storage::http {

/// What helps against a failed attempt.
enum class Remedy {
  kNone,         ///< nothing: the request has failed
  kRetry,        ///< the same again, after a wait
  kRetryAtOnce,  ///< the same again on another connection
  kRenewUrl,     ///< another URL
  kRedirect,     ///< the same at `location`
  kAskWhole,     ///< the same without a range
};

/// Why a request is tried again, for the counters.
enum class Trouble { kConnect, kReset, kStalled, kServer, kThrottled, kShortBody, kBadAnswer };

/// An attempt that brought no object.
struct Failure {
  Remedy remedy = Remedy::kNone;
  std::string text = {};  ///< what happened, a clause
  Trouble trouble = Trouble::kBadAnswer;
  base::ErrorKind kind = base::ErrorKind::kStorage;  ///< of the error, where nothing helps
  std::string hint = {};
  double retry_after_seconds = 0;  ///< as the server asks
  std::string location = {};
};

inline Failure retry(Trouble trouble, std::string text) {
  return {.remedy = Remedy::kRetry, .text = std::move(text), .trouble = trouble};
}

/// A wait that was too long: so is the error, where nothing helps.
inline Failure retry_late(Trouble trouble, std::string text) {
  return {
      .remedy = Remedy::kRetry, .text = std::move(text), .trouble = trouble, .kind = base::ErrorKind::kStorageTimeout};
}

/// An answer that contradicts the request or itself.
inline Failure bad_answer(std::string text) { return retry(Trouble::kBadAnswer, std::move(text)); }

inline Failure final_failure(base::ErrorKind kind, std::string text, std::string hint = {}) {
  return {.text = std::move(text), .kind = kind, .hint = std::move(hint)};
}

/// Counts one retry.
void count_retry(HttpStats& stats, Trouble trouble);

}  // namespace penstock::storage::http
