#include "storage/http/http_store.h"

#include <unistd.h>

#include <utility>

#include "base/error.h"
#include "storage/http/event_loop.h"

namespace penstock::storage {

HttpStore::HttpStore(std::shared_ptr<UrlSource> urls, HttpOptions options, std::function<void(std::string)> report)
    : owner_(getpid()),
      loop_(std::make_unique<http::EventLoop>(std::move(urls), std::move(options), std::move(report))) {}

HttpStore::~HttpStore() {
  // A child's copy: its threads are the parent's, and so are its connections.
  if (!is_mine()) static_cast<void>(loop_.release());
}

bool HttpStore::is_mine() const { return getpid() == owner_; }

void HttpStore::get(Request request, Done done) noexcept {
  if (is_mine()) {
    loop_->post(std::move(request), std::move(done));
  } else {
    done(std::make_exception_ptr(base::Error(base::ErrorKind::kClosed, "the storage belongs to another process",
                                             "Open the dataset in the forked process")));
  }
}

// In a child, a thread that it lacks may hold the lock.
std::optional<std::uint64_t> HttpStore::known_size(const std::string& key) const {
  if (!is_mine()) return std::nullopt;
  const auto version = loop_->versions().find(key);
  return version ? std::optional(version->size) : std::nullopt;
}

std::uint64_t HttpStore::bytes_worth_a_request() const { return loop_->pace().bytes_worth_a_request(); }

std::vector<Count> HttpStore::counts() const {
  const HttpStats& stats = loop_->stats();
  const auto number = [](const HttpStats::Counter& counter) { return static_cast<double>(counter.load()); };
  return {{"requests", number(stats.requests)},
          {"retries", number(stats.retries)},
          {"throttled", number(stats.retries_throttled)},
          {"hedges", number(stats.hedges)},
          {"connections_opened", number(stats.connections_opened)},
          {"most_requests_at_once", number(stats.most_in_flight)},
          {"first_byte_seconds", number(stats.first_byte_ns) * 1e-9}};
}

void HttpStore::begin_stop() noexcept {
  if (is_mine()) loop_->begin_stop();
}

bool HttpStore::stop(base::Deadline deadline) noexcept { return !is_mine() || loop_->stop(deadline); }

void HttpStore::abandon(std::shared_ptr<const void> owner) noexcept {
  if (is_mine()) loop_->abandon(std::move(owner));
}

const HttpStats& HttpStore::stats() const { return loop_->stats(); }

}  // namespace penstock::storage
