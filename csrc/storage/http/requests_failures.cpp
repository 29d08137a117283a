/// What follows when an attempt has failed: the part of Requests that is the retry policy.
#include <algorithm>
#include <string>
#include <utility>

#include "storage/http/requests.h"
#include "storage/http/shown_url.h"

namespace penstock::storage::http {
namespace {

constexpr unsigned kMostRedirects = 5;
constexpr unsigned kMostAtOnce = 2;

}  // namespace

void Requests::on_failure(Operation& operation, Failure failure, TimePoint now) {
  const bool final = failure.remedy == Remedy::kNone;
  if (!final && failure.trouble == Trouble::kThrottled) limit_.on_throttled(now);
  // Another attempt is under way, and may bring what this one did not.
  if (!final && !operation.attempts.empty()) {
    operation.last = std::move(failure);
    arm(operation);
    return;
  }
  switch (failure.remedy) {
    case Remedy::kNone:
      fail(operation, error_of(operation, failure, now));
      return;
    case Remedy::kRenewUrl:
      renew_url(operation, failure, now);
      return;
    case Remedy::kRedirect:
      redirect(operation, failure, now);
      return;
    case Remedy::kAskWhole:
      if (operation.ask_whole) {
        fail(operation, error_of(operation, failure, now));
        return;
      }
      operation.ask_whole = true;
      make_ready(operation, true);
      return;
    case Remedy::kRetry:
    case Remedy::kRetryAtOnce:
      try_again(operation, failure, now);
      return;
  }
}

void Requests::renew_url(Operation& operation, const Failure& failure, TimePoint now) {
  const bool can_help = !operation.renewed && urls_.renew(*operation.url, now);
  if (!can_help) {
    fail(operation, error_of(operation, failure, now));
    return;
  }
  operation.renewed = true;
  operation.redirected_to.clear();
  seek_url(operation);
}

void Requests::redirect(Operation& operation, const Failure& failure, TimePoint now) {
  const std::string& from = operation.redirected_to.empty() ? operation.url->signed_url.url : operation.redirected_to;
  std::string refusal;
  if (++operation.redirects > kMostRedirects) refusal = "the server redirects without end";
  if (origin_of(from).starts_with("https:") && !origin_of(failure.location).starts_with("https:")) {
    refusal = "the server redirects from https to " + shown_url(failure.location);
  }
  if (!refusal.empty()) {
    fail(operation,
         error_of(operation,
                  final_failure(base::ErrorKind::kStorage, refusal, "Check the region and the endpoint of the dataset"),
                  now));
    return;
  }
  ++stats_.redirects;
  operation.redirected_to = failure.location;
  make_ready(operation, true);
}

void Requests::try_again(Operation& operation, const Failure& failure, TimePoint now) {
  ++operation.failed;
  // A name that was found before is there: its service has failed.
  const bool unknown_host =
      failure.kind == base::ErrorKind::kHostNotFound && !known_hosts_.contains(origin_of(operation.where()));
  if (operation.failed >= (unknown_host ? std::min(2U, options_.attempts) : options_.attempts)) {
    fail(operation, error_of(operation, failure, now));
    return;
  }
  operation.last = failure;
  const bool at_once = failure.remedy == Remedy::kRetryAtOnce && operation.at_once++ < kMostAtOnce;
  const TimePoint retry_at =
      at_once ? now : now + duration_of(wait_.seconds(operation.failed, failure.retry_after_seconds));
  if (retry_at >= operation.deadline) {
    fail(operation, timeout_of(operation, now));
    return;
  }
  count_retry(stats_, failure.trouble);
  report_retry(operation, failure, now);
  operation.redirected_to.clear();
  operation.on_new_connection = at_once;
  operation.hedged = false;
  if (at_once) {
    make_ready(operation, true);
    return;
  }
  operation.state = Operation::State::kWaits;
  operation.retry_at = retry_at;
  arm(operation);
}

void Requests::report_retry(const Operation& operation, const Failure& failure, TimePoint now) {
  if (!report_) return;
  if (auto message = log_.on_retry(now, operation.where(), failure.text)) {
    signer_.run([report = report_, text = std::move(*message)] {
      try {
        report(text);
      } catch (...) {
        // What cannot be reported is not worth a request.
      }
    });
  }
}

}  // namespace penstock::storage::http
