#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "storage/http/http_options.h"
#include "storage/http/http_stats.h"
#include "storage/http/url_source.h"
#include "storage/store.h"

namespace penstock::storage {

namespace http {
class EventLoop;
}

/// Objects that can be read by URLs. What goes wrong on the way is tried again; what cannot be mended is answered with
/// base::Error: kChunkNotFound, kAccessDenied, kHostNotFound, kCertificate, kStorageTimeout, kUnsupported, else
/// kStorage. A forked child has none of its threads, and is answered with kClosed.
class HttpStore final : public Store {
 public:
  /// `report` is told of each burst of retries once, on a thread that may block. Errors kThreads, kStorage.
  HttpStore(std::shared_ptr<UrlSource> urls, HttpOptions options, std::function<void(std::string)> report = {});
  /// Waits for its threads, unless they were abandoned.
  ~HttpStore() override;

  void get(Request request, Done done) noexcept override;
  std::optional<std::uint64_t> known_size(const std::string& key) const override;
  std::uint64_t bytes_worth_a_request() const override;
  std::vector<Count> counts() const override;
  void begin_stop() noexcept override;
  bool stop(base::Deadline deadline = base::Deadline::max()) noexcept override;
  void abandon(std::shared_ptr<const void> owner) noexcept override;

  const HttpStats& stats() const;

 private:
  bool is_mine() const;

  pid_t owner_;
  std::unique_ptr<http::EventLoop> loop_;
};

}  // namespace penstock::storage
