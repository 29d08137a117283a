#include "storage/http/requests.h"
#include "base/trace.h"

#include <algorithm>
#include <new>
#include <unordered_set>
#include <utility>

#include "base/trace.h"
#include "storage/http/certificates.h"
#include "storage/http/shown_url.h"

namespace penstock::storage::http {
namespace {

std::uint64_t nanoseconds(Clock::duration time) {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(time).count());
}

/// Threads that let go of one exception look like a race to the thread sanitizer, which does not see its count.
std::exception_ptr own_copy(const std::exception_ptr& error) noexcept {
  try {
    std::rethrow_exception(error);
  } catch (const base::Error& known) {
    return std::make_exception_ptr(known);
  } catch (...) {
    return std::current_exception();
  }
}

std::uint64_t asked_bytes(const Request& request) { return request.range ? request.range->size() : UINT64_MAX; }

}  // namespace

Requests::Requests(CURLM* multi, Signer& signer, Versions& versions, Pace& pace, HttpStats& stats,
                   const HttpOptions& options, Report report)
    : multi_(multi),
      signer_(signer),
      versions_(versions),
      pace_(pace),
      stats_(stats),
      options_(options),
      report_(std::move(report)),
      certificates_(certificates_file(options.ca_file)),
      deadline_(duration_of(options.deadline_seconds)),
      patience_(duration_of(options.stall_seconds)),
      limit_(options.connections),
      wait_(options) {}

template <class Step>
void Requests::guarded(Operation& operation, Step step) noexcept {
  try {
    step();
  } catch (...) {
    end(operation, std::current_exception());
  }
}

void Requests::accept(Operations& come) noexcept {
  while (!come.empty()) {
    operations_.splice(operations_.end(), come, come.begin());
    Operation& operation = *operations_.back();
    operation.self = std::prev(operations_.end());
    guarded(operation, [&] { seek_url(operation); });
  }
}

void Requests::seek_url(Operation& operation) {
  leave_queue(operation);
  operation.url = urls_.find(operation.request.key, Clock::now());
  if (operation.url) {
    make_ready(operation, operation.failed > 0);
    return;
  }
  operation.place = needs_url_.insert(needs_url_.end(), &operation);
  operation.queued = true;
  operation.state = Operation::State::kNeedsUrl;
  operation.in_batch = false;
  start_clock(operation, Clock::now());
  arm(operation);
}

void Requests::make_ready(Operation& operation, bool first) {
  leave_queue(operation);
  operation.place = ready_.insert(first ? ready_.begin() : ready_.end(), &operation);
  operation.queued = true;
  operation.state = Operation::State::kReady;
  operation.retry_at = TimePoint::max();
  // What has not begun waits for others, which is not the server's fault.
  if (operation.failed == 0 && operation.redirects == 0 && !operation.renewed) operation.deadline = TimePoint::max();
  arm(operation);
}

void Requests::start_clock(Operation& operation, TimePoint now) {
  if (operation.deadline != TimePoint::max()) return;
  operation.begun = now;
  operation.deadline = now + deadline_;
}

void Requests::ask_for_urls() {
  if (needs_url_.empty() || signer_.busy()) return;
  std::unordered_set<std::string> keys;
  for (const Operation* operation : needs_url_) keys.insert(operation->request.key);
  const bool fresh = urls_.take_fresh_wanted();
  signer_.ask({keys.begin(), keys.end()}, fresh);
  for (Operation* operation : needs_url_) operation->in_batch = true;
}

void Requests::on_signed(Signer::Answer answer) {
  if (answer.urls.sound()) {
    std::vector<SignedUrl> urls = answer.urls.take();
    for (std::size_t i = 0; i < urls.size(); ++i) urls_.put(answer.keys[i], std::move(urls[i]), answer.asked_at);
  }
  const std::vector<Operation*> waiting(needs_url_.begin(), needs_url_.end());
  for (Operation* operation : waiting) {
    if (answer.urls.sound()) {
      // Those that came later may ask for the same keys.
      guarded(*operation, [&] { seek_url(*operation); });
    } else if (operation->in_batch) {
      end(*operation, own_copy(answer.urls.error()));
    }
  }
}

void Requests::pump() {
  while (in_flight_ < limit_.now() && !ready_.empty()) {
    Operation& operation = *ready_.front();
    guarded(operation, [&] {
      if (!is_wanted(operation.request.wanted)) {
        throw base::Error(base::ErrorKind::kClosed, "nobody waits for the read any more");
      }
      if (urls_.usable(*operation.url, Clock::now())) {
        launch(operation, false);
      } else {
        seek_url(operation);
      }
    });
  }
  ask_for_urls();
  show_counts();
}

void Requests::launch(Operation& operation, bool is_hedge) {
  Asked asked{.url = operation.url->signed_url.url, .headers = operation.url->signed_url.headers};
  if (!operation.redirected_to.empty()) {
    // The headers of a signed request may be credentials, which are nobody else's.
    if (origin_of(operation.redirected_to) != origin_of(asked.url)) asked.headers.clear();
    asked.url = operation.redirected_to;
  }
  asked.wanted_range = operation.request.range;
  if (!operation.ask_whole) asked.sent_range = asked.wanted_range;
  if (const auto version = versions_.find(operation.request.key)) asked.if_match = version->etag;
  // Streams of one connection are slow together.
  asked.on_new_connection = operation.on_new_connection || (is_hedge && multiplexed_);

  leave_queue(operation);
  operation.state = Operation::State::kRunning;
  start_clock(operation, Clock::now());
  auto transfer = std::make_unique<Transfer>(handles_.take(), asked, options_, certificates_);
  CURL* handle = transfer->handle();
  operation.attempts.push_back({std::move(transfer), is_hedge});
  curl_easy_setopt(handle, CURLOPT_PRIVATE, &operation);
  if (curl_multi_add_handle(multi_, handle) != CURLM_OK) {
    operation.attempts.pop_back();
    throw std::bad_alloc();
  }
  operation.attempts.back().added = true;
  stats_.in_flight = ++in_flight_;
  ++stats_.requests;
  stats_.most_in_flight = std::max<std::uint64_t>(stats_.most_in_flight, in_flight_);
  if (!is_hedge) hedges_.on_request();
  arm(operation);
}

void Requests::on_transfer_done(CURL* handle, CURLcode code) {
  char* stored = nullptr;
  curl_easy_getinfo(handle, CURLINFO_PRIVATE, &stored);
  auto& operation = *reinterpret_cast<Operation*>(stored);
  guarded(operation, [&] {
    const auto found = std::ranges::find_if(operation.attempts,
                                            [&](const auto& attempt) { return attempt.transfer->handle() == handle; });
    const bool is_hedge = found->is_hedge;
    const std::unique_ptr<Transfer> transfer = take_out(operation, found->transfer.get());
    multiplexed_ = multiplexed_ || transfer->multiplexed();
    if (transfer->head().status != 0) known_hosts_.insert(origin_of(operation.where()));
    auto outcome = transfer->outcome(code);
    if (base::trace::on()) {
      const auto* failure = std::get_if<Failure>(&outcome);
      trace_try(operation, *transfer, is_hedge, failure == nullptr ? std::string_view() : failure->text);
    }
    handles_.give_back(transfer->release_handle());
    if (auto* object = std::get_if<Object>(&outcome)) {
      on_object(operation, *transfer, is_hedge, std::move(*object));
    } else {
      on_failure(operation, std::get<Failure>(std::move(outcome)), Clock::now());
    }
  });
}

void Requests::on_object(Operation& operation, const Transfer& transfer, bool is_hedge, Object object) {
  const TimePoint now = Clock::now();
  const TimePoint first_byte = transfer.first_byte().value_or(now);
  stats_.first_byte_ns += nanoseconds(first_byte - transfer.started());
  if (transfer.connections_opened() == 0) {
    pace_.on_answer(object.bytes.size, first_byte - transfer.started(), now - first_byte);
  }
  limit_.on_answer(now, object.bytes.size, !ready_.empty());
  if (transfer.head().status == 200 && operation.request.range) ++stats_.whole_answers;
  if (!versions_.agrees(operation.request.key, object.version, object.size)) {
    on_failure(operation, object_changed(), now);
    return;
  }
  if (is_hedge) ++stats_.hedges_won;
  object.took = now - transfer.started();
  end(operation, std::move(object));
}

TimePoint Requests::hedge_time(const Operation& operation) const {
  if (!options_.hedge || operation.hedged || operation.attempts.size() != 1) return TimePoint::max();
  const Transfer& transfer = *operation.attempts.front().transfer;
  if (transfer.first_byte()) return TimePoint::max();
  const auto slow = pace_.slow_after(asked_bytes(operation.request));
  return slow ? transfer.started() + *slow : TimePoint::max();
}

void Requests::arm(Operation& operation) {
  TimePoint next = std::min(operation.deadline, operation.retry_at);
  for (const auto& attempt : operation.attempts) next = std::min(next, attempt.transfer->next_check(patience_));
  next = std::min(next, hedge_time(operation));
  if (next == operation.armed_for) return;
  timers_.erase({operation.armed_for, &operation});
  operation.armed_for = TimePoint::max();
  if (next == TimePoint::max()) return;
  timers_.insert({next, &operation});
  operation.armed_for = next;
}

TimePoint Requests::next_time() const { return timers_.empty() ? TimePoint::max() : timers_.begin()->first; }

void Requests::on_time(TimePoint now) {
  while (!timers_.empty() && timers_.begin()->first <= now) {
    Operation& operation = *timers_.begin()->second;
    timers_.erase(timers_.begin());
    operation.armed_for = TimePoint::max();
    guarded(operation, [&] { on_due(operation, now); });
  }
}

void Requests::on_due(Operation& operation, TimePoint now) {
  if (now >= operation.deadline) {
    fail(operation, timeout_of(operation, now));
    return;
  }
  if (now >= operation.retry_at) {
    operation.retry_at = TimePoint::max();
    make_ready(operation, true);
    return;
  }
  for (const auto& attempt : operation.attempts) {
    if (!attempt.transfer->stalled(now, patience_)) continue;
    const bool is_hedge = attempt.is_hedge;
    const std::unique_ptr<Transfer> given_up = take_out(operation, attempt.transfer.get());
    Failure stalled = retry_late(Trouble::kStalled, "the server sent nothing for a while, after " +
                                                        std::to_string(given_up->received()) + " bytes");
    if (base::trace::on()) trace_try(operation, *given_up, is_hedge, stalled.text);
    on_failure(operation, std::move(stalled), now);
    return;
  }
  if (now >= hedge_time(operation)) {
    operation.hedged = true;
    if (hedges_.take()) {
      ++stats_.hedges;
      launch(operation, true);
      return;
    }
  }
  arm(operation);
}

void Requests::trace_try(const Operation& operation, const Transfer& transfer, bool is_hedge,
                         std::string_view error) const noexcept {
  const auto start = static_cast<std::int64_t>(nanoseconds(transfer.started().time_since_epoch()));
  base::trace::Event event{.name = base::trace::Name::kTry, .start = start, .duration = base::trace::now() - start};
  event.key = base::trace::label(operation.request.key);
  event.bytes = transfer.received();
  event.first = operation.failed + 1;
  event.second = is_hedge ? 1 : 0;
  if (!error.empty()) event.error = base::trace::label(error);
  base::trace::write(event);
}

void Requests::leave_queue(Operation& operation) noexcept {
  if (operation.state == Operation::State::kNeedsUrl && operation.queued) needs_url_.erase(operation.place);
  if (operation.state == Operation::State::kReady && operation.queued) ready_.erase(operation.place);
  operation.queued = false;
}

std::unique_ptr<Transfer> Requests::take_out(Operation& operation, const Transfer* transfer) noexcept {
  const auto found =
      std::ranges::find_if(operation.attempts, [&](const auto& attempt) { return attempt.transfer.get() == transfer; });
  std::unique_ptr<Transfer> out = std::move(found->transfer);
  if (found->added) {
    stats_.connections_opened += out->connections_opened();
    curl_multi_remove_handle(multi_, out->handle());
    stats_.bytes += out->received();
    stats_.in_flight = --in_flight_;
  }
  operation.attempts.erase(found);
  return out;
}

void Requests::cancel(Operation& operation) noexcept {
  while (!operation.attempts.empty()) {
    const bool is_hedge = operation.attempts.back().is_hedge;
    const std::unique_ptr<Transfer> dropped = take_out(operation, operation.attempts.back().transfer.get());
    if (base::trace::on()) trace_try(operation, *dropped, is_hedge, "no longer needed");
  }
}

void Requests::end(Operation& operation, base::Result<Object> result) noexcept {
  ++(result.sound() ? stats_.answers : stats_.failures);
  cancel(operation);
  leave_queue(operation);
  timers_.erase({operation.armed_for, &operation});
  Operations ended;
  ended.splice(ended.end(), operations_, operation.self);
  operation.done(std::move(result));
}

void Requests::fail(Operation& operation, base::Error error) {
  end(operation, std::make_exception_ptr(std::move(error)));
}

void Requests::end_all(const std::exception_ptr& error) noexcept {
  // Answers first: libcurl may wait for its resolver of names when it lets go of a handle.
  for (const auto& operation : operations_) {
    ++stats_.failures;
    operation->done(own_copy(error));
  }
  for (const auto& operation : operations_) cancel(*operation);
  timers_.clear();
  needs_url_.clear();
  ready_.clear();
  operations_.clear();
  show_counts();
}

void Requests::show_counts() noexcept {
  stats_.queued = needs_url_.size() + ready_.size();
  stats_.connection_limit = limit_.now();
}

}  // namespace penstock::storage::http
