#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/bytes.h"
#include "storage/http/answer_head.h"
#include "storage/http/body.h"
#include "storage/http/certificates.h"
#include "storage/http/curl_handles.h"
#include "storage/http/failure.h"
#include "storage/http/http_options.h"
#include "storage/http/url_source.h"
#include "storage/store.h"

namespace penstock::storage::http {

using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;

inline Clock::duration duration_of(double seconds) {
  return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(std::min(seconds, 1e8)));
}

/// What is asked of a server.
struct Asked {
  std::string url;
  std::map<std::string, std::string> headers = {};
  std::optional<base::ByteRange> sent_range = std::nullopt;    ///< that the server is asked for
  std::optional<base::ByteRange> wanted_range = std::nullopt;  ///< that is handed out
  std::string if_match = {};
  bool on_new_connection = false;
};

/// One request to a server and its answer. Lives while libcurl has its handle; of the event loop's thread.
class Transfer {
 public:
  /// Throws base::Error or std::bad_alloc.
  Transfer(EasyHandle handle, const Asked& asked, const HttpOptions& options, const Certificates& certificates);
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  CURL* handle() const { return handle_.get(); }
  EasyHandle release_handle() { return std::move(handle_); }

  /// The object, or why there is none, once libcurl is done with the handle.
  std::variant<Object, Failure> outcome(CURLcode code);

  TimePoint started() const { return started_; }
  std::optional<TimePoint> first_byte() const { return first_byte_; }
  std::uint64_t received() const { return body_.received(); }
  std::uint64_t connections_opened() const;
  bool multiplexed() const { return head_.version >= 20; }
  const AnswerHead& head() const { return head_; }

  /// Whether fewer bytes than seconds have come for `patience`; asked from time to time.
  bool stalled(TimePoint now, Clock::duration patience);
  /// When to ask next.
  TimePoint next_check(Clock::duration patience) const;

 private:
  static std::size_t take_header(char* data, std::size_t size, std::size_t count, void* self) noexcept;
  static std::size_t take_body(char* data, std::size_t size, std::size_t count, void* self) noexcept;
  bool add_header(std::string_view line);
  bool add_body(base::Bytes bytes);
  bool has_object() const { return head_.status == 200 || head_.status == 206; }
  Failure failure_of_curl(CURLcode code) const;
  std::variant<Object, Failure> object();

  EasyHandle handle_;
  HeaderLines lines_;
  std::optional<base::ByteRange> wanted_range_;
  AnswerHead head_;
  bool head_ended_ = false;
  Body body_;
  std::string error_text_;  // the beginning of a body that is no object
  std::optional<Failure> refused_;
  std::exception_ptr thrown_;  // within libcurl's frames, which no exception may cross
  bool enough_ = false;
  char curl_text_[CURL_ERROR_SIZE] = {};

  TimePoint started_;
  std::optional<TimePoint> first_byte_;
  TimePoint last_byte_;
  TimePoint window_begin_;
  std::uint64_t window_bytes_ = 0;
};

}  // namespace penstock::storage::http
