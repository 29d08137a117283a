#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/thread_pool.h"
#include "storage/http/http_stats.h"
#include "storage/http/transfer.h"
#include "storage/http/url_source.h"

namespace penstock::storage::http {

/// Asks a UrlSource for URLs, and reports, on a thread of its own: both may block.
class Signer {
 public:
  struct Answer {
    std::vector<std::string> keys;
    TimePoint asked_at;
    base::Result<std::vector<SignedUrl>> urls;
  };

  /// `wake` is called from that thread when an answer is there.
  Signer(std::shared_ptr<UrlSource> source, HttpStats& stats, std::function<void()> wake);

  /// One batch at a time: not before the answer to the last one was taken.
  void ask(std::vector<std::string> keys, bool fresh);
  bool busy() const { return busy_; }
  std::optional<Answer> take_answer();

  /// Calls `task` on that thread; it must not throw.
  void run(std::function<void()> task) { pool_.submit(std::move(task)); }

  base::ThreadPool& pool() { return pool_; }

 private:
  Answer answer_of(std::vector<std::string> keys, bool fresh, TimePoint asked_at);

  std::shared_ptr<UrlSource> source_;
  HttpStats& stats_;
  std::function<void()> wake_;
  bool busy_ = false;  // of the event loop's thread
  std::mutex mutex_;
  std::optional<Answer> answer_;
  base::ThreadPool pool_;  // last: its thread uses what is above
};

}  // namespace penstock::storage::http
