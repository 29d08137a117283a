#pragma once

#include <optional>
#include <string>

#include "storage/http/transfer.h"

namespace penstock::storage::http {

/// Says once for each burst of retries that there are some.
class RetryLog {
 public:
  /// The message for the first retry of a burst; nothing for the others.
  std::optional<std::string> on_retry(TimePoint now, const std::string& where, const std::string& why);

 private:
  TimePoint last_{};
};

}  // namespace penstock::storage::http
