#include "storage/http/failure.h"

namespace penstock::storage::http {

void count_retry(HttpStats& stats, Trouble trouble) {
  ++stats.retries;
  switch (trouble) {
    case Trouble::kConnect:
      ++stats.retries_connect;
      break;
    case Trouble::kReset:
      ++stats.retries_reset;
      break;
    case Trouble::kStalled:
      ++stats.retries_stalled;
      break;
    case Trouble::kServer:
      ++stats.retries_server;
      break;
    case Trouble::kThrottled:
      ++stats.retries_throttled;
      break;
    case Trouble::kShortBody:
      ++stats.retries_short;
      break;
    case Trouble::kBadAnswer:
      ++stats.retries_bad_answer;
      break;
  }
}

}  // namespace penstock::storage::http
