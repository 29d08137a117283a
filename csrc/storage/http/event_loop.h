#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "base/thread_pool.h"
#include "storage/http/curl_handles.h"
#include "storage/http/http_options.h"
#include "storage/http/http_stats.h"
#include "storage/http/pace.h"
#include "storage/http/requests.h"
#include "storage/http/signer.h"
#include "storage/http/url_source.h"
#include "storage/http/versions.h"

namespace penstock::storage::http {

/// The thread "penstock-net", which runs libcurl and everything that follows from its answers, and the way to it.
class EventLoop {
 public:
  EventLoop(std::shared_ptr<UrlSource> urls, HttpOptions options, Requests::Report report);
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;
  ~EventLoop();

  // All of these from any thread.
  void post(Request request, Done done) noexcept;
  void begin_stop() noexcept;
  bool stop(base::Deadline deadline) noexcept;
  void abandon(std::shared_ptr<const void> owner) noexcept;

  const HttpStats& stats() const { return stats_; }
  const Versions& versions() const { return versions_; }
  const Pace& pace() const { return pace_; }

 private:
  void run() noexcept;
  void turn();
  void take_mail() noexcept;
  void take_answers();
  void wait();
  void wake() noexcept;

  const HttpOptions options_;
  HttpStats stats_;
  Versions versions_;
  Pace pace_;
  MultiHandle multi_;
  std::atomic<bool> stopping_{false};

  std::mutex mutex_;
  Requests::Operations mail_;
  bool ended_ = false;  // nothing is taken any more, and multi_ is gone

  Signer signer_;
  Requests requests_;
  base::ThreadPool pool_;  // last: its thread uses all of the above
};

}  // namespace penstock::storage::http
