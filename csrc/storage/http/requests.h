#pragma once

#include <functional>
#include <list>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "storage/http/connection_limit.h"
#include "storage/http/curl_handles.h"
#include "storage/http/http_options.h"
#include "storage/http/http_stats.h"
#include "storage/http/operation.h"
#include "storage/http/pace.h"
#include "storage/http/retry_log.h"
#include "storage/http/retry_wait.h"
#include "storage/http/signer.h"
#include "storage/http/url_book.h"
#include "storage/http/versions.h"

namespace penstock::storage::http {

/// All requests of a store: which runs, which waits for what, and what follows when one fails. Of the event loop's
/// thread.
class Requests {
 public:
  using Operations = std::list<std::unique_ptr<Operation>>;
  using Report = std::function<void(std::string)>;

  Requests(CURLM* multi, Signer& signer, Versions& versions, Pace& pace, HttpStats& stats, const HttpOptions& options,
           Report report);

  void accept(Operations& come) noexcept;
  void on_signed(Signer::Answer answer);
  void on_time(TimePoint now);
  void on_transfer_done(CURL* handle, CURLcode code);
  /// Starts what may start, and asks for the URLs that are needed.
  void pump();
  /// When on_time() is to be called next.
  TimePoint next_time() const;

  /// Ends all with `error`.
  void end_all(const std::exception_ptr& error) noexcept;

 private:
  using Attempts = std::vector<Operation::Attempt>;

  /// Runs `step`, and ends the operation with what it throws.
  template <class Step>
  void guarded(Operation& operation, Step step) noexcept;

  void seek_url(Operation& operation);
  void make_ready(Operation& operation, bool first);
  void ask_for_urls();
  void launch(Operation& operation, bool is_hedge);
  void on_due(Operation& operation, TimePoint now);
  void on_object(Operation& operation, const Transfer& transfer, bool is_hedge, Object object);
  void on_failure(Operation& operation, Failure failure, TimePoint now);
  void renew_url(Operation& operation, const Failure& failure, TimePoint now);
  void redirect(Operation& operation, const Failure& failure, TimePoint now);
  void try_again(Operation& operation, const Failure& failure, TimePoint now);
  void report_retry(const Operation& operation, const Failure& failure, TimePoint now);

  void start_clock(Operation& operation, TimePoint now);
  TimePoint hedge_time(const Operation& operation) const;
  void arm(Operation& operation);
  void leave_queue(Operation& operation) noexcept;
  std::unique_ptr<Transfer> take_out(Operation& operation, const Transfer* transfer) noexcept;
  void cancel(Operation& operation) noexcept;
  void trace_try(const Operation& operation, const Transfer& transfer, bool is_hedge,
                 std::string_view error) const noexcept;
  void end(Operation& operation, base::Result<Object> result) noexcept;
  void fail(Operation& operation, base::Error error);
  void show_counts() noexcept;

  CURLM* multi_;
  Signer& signer_;
  Versions& versions_;
  Pace& pace_;
  HttpStats& stats_;
  const HttpOptions& options_;
  Report report_;
  const std::string certificates_;
  const Clock::duration deadline_;
  const Clock::duration patience_;

  EasyHandles handles_;
  UrlBook urls_;
  ConnectionLimit limit_;
  HedgeBudget hedges_;
  RetryWait wait_;
  RetryLog log_;
  std::set<std::string> known_hosts_;  // that have answered
  bool multiplexed_ = false;

  Operations operations_;
  std::list<Operation*> needs_url_;
  std::list<Operation*> ready_;
  std::set<std::pair<TimePoint, Operation*>> timers_;
  std::size_t in_flight_ = 0;
};

}  // namespace penstock::storage::http
