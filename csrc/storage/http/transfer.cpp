#include "storage/http/transfer.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace penstock::storage::http {
namespace {

/// Measured: of the sizes from 16 KiB to 512 KiB, the fewest processor seconds a gigabyte.
constexpr long kReceiveBuffer = 256 * 1024;
constexpr std::size_t kLongestHead = 64 * 1024;
constexpr std::size_t kErrorText = 4096;
/// Servers count in signed numbers.
constexpr std::uint64_t kLargestOffset = std::uint64_t{1} << 62;

void restrict_to_http(CURL* handle) {
#if LIBCURL_VERSION_NUM >= 0x075500
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
#else
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS, static_cast<long>(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
}

bool names_the_certificate(CURLcode code) {
  return code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE || code == CURLE_SSL_CERTPROBLEM ||
         code == CURLE_SSL_ISSUER_ERROR || code == CURLE_SSL_PINNEDPUBKEYNOTMATCH ||
         code == CURLE_SSL_INVALIDCERTSTATUS;
}

void trust(CURL* handle, const Certificates& certificates) {
  if (!certificates.file.empty()) {
    curl_easy_setopt(handle, CURLOPT_CAINFO, certificates.file.c_str());
    // The file has all. Where libcurl may look into a folder too, it reads the file again for each connection.
    curl_easy_setopt(handle, CURLOPT_CAPATH, nullptr);
  }
  if (!certificates.text.empty()) {
    curl_blob blob{const_cast<char*>(certificates.text.data()), certificates.text.size(), CURL_BLOB_NOCOPY};
    curl_easy_setopt(handle, CURLOPT_CAINFO_BLOB, &blob);
  }
}

}  // namespace

Transfer::Transfer(EasyHandle handle, const Asked& asked, const HttpOptions& options, const Certificates& certificates)
    : handle_(std::move(handle)),
      wanted_range_(asked.wanted_range),
      started_(Clock::now()),
      last_byte_(started_),
      window_begin_(started_) {
  CURL* curl = handle_.get();
  curl_easy_setopt(curl, CURLOPT_URL, asked.url.c_str());
  restrict_to_http(curl);
  curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
#if LIBCURL_VERSION_NUM >= 0x075700
  // Else giving up a request waits for the resolver of names.
  curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L);
#endif
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, curl_text_);
  curl_easy_setopt(curl, CURLOPT_USERAGENT, options.user_agent.c_str());
  curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, kReceiveBuffer);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(std::ceil(options.connect_seconds * 1000)));
  curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
  if (asked.on_new_connection) curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, 1L);
  curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, options.verify ? 1L : 0L);
  curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, options.verify ? 2L : 0L);
  trust(curl, certificates);

  lines_.add("Accept-Encoding", "identity");
  for (const auto& [name, value] : asked.headers) lines_.add(name, value);
  if (!asked.if_match.empty()) lines_.add("If-Match", asked.if_match);
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, lines_.get());
  if (asked.sent_range) {
    const std::string range = std::to_string(asked.sent_range->begin) + "-" +
                              std::to_string(std::min(asked.sent_range->end - 1, kLargestOffset));
    curl_easy_setopt(curl, CURLOPT_RANGE, range.c_str());
  }

  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, &Transfer::take_header);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &Transfer::take_body);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, this);
}

std::size_t Transfer::take_header(char* data, std::size_t size, std::size_t count, void* self) noexcept {
  auto* transfer = static_cast<Transfer*>(self);
  try {
    return transfer->add_header({data, size * count}) ? size * count : 0;
  } catch (...) {
    transfer->thrown_ = std::current_exception();
    return 0;
  }
}

std::size_t Transfer::take_body(char* data, std::size_t size, std::size_t count, void* self) noexcept {
  auto* transfer = static_cast<Transfer*>(self);
  try {
    return transfer->add_body(std::as_bytes(std::span(data, size * count))) ? size * count : 0;
  } catch (...) {
    transfer->thrown_ = std::current_exception();
    return 0;
  }
}

bool Transfer::add_header(std::string_view line) {
  last_byte_ = Clock::now();
  window_bytes_ += line.size();
  if (!first_byte_) first_byte_ = last_byte_;
  // Lines after the body say nothing that matters.
  if (head_ended_) return true;
  head_.add(line);
  if (head_.bytes > kLongestHead) {
    refused_ = bad_answer("the server's answer begins with more than 64 KiB of headers");
    return false;
  }
  const bool ends = line == "\r\n" || line == "\n";
  if (!ends || head_.status < 200) return true;
  head_ended_ = true;
  if (!has_object()) return true;
  auto checked = check_head(wanted_range_, head_);
  if (auto* failure = std::get_if<Failure>(&checked)) {
    refused_ = std::move(*failure);
    return false;
  }
  body_.begin(std::get<ExpectedBody>(checked));
  return true;
}

bool Transfer::add_body(base::Bytes bytes) {
  last_byte_ = Clock::now();
  window_bytes_ += bytes.size();
  if (!has_object()) {
    const std::size_t count = std::min(bytes.size(), kErrorText - error_text_.size());
    error_text_.append(reinterpret_cast<const char*>(bytes.data()), count);
    return error_text_.size() < kErrorText;
  }
  switch (body_.add(bytes)) {
    case Body::Step::kMore:
      return true;
    case Body::Step::kEnough:
      enough_ = true;
      return false;
    case Body::Step::kTooLong:
      refused_ = bad_answer("the server sent more bytes than it announced");
      return false;
  }
  return false;
}

std::variant<Object, Failure> Transfer::outcome(CURLcode code) {
  if (thrown_) std::rethrow_exception(thrown_);
  if (refused_) return std::move(*refused_);
  if (head_ended_ && !has_object() && (code == CURLE_OK || error_text_.size() >= kErrorText)) {
    if (const auto size =
            head_.status == 416 && wanted_range_ ? size_of_unsatisfied(head_, error_text_) : std::nullopt) {
      if (*size <= wanted_range_->begin) return Object{.bytes = {}, .size = *size};
      return bad_answer("the server answered 416 to a range within the object's " + std::to_string(*size) + " bytes");
    }
    if (head_.status == 416 && wanted_range_)
      return Failure{.remedy = Remedy::kAskWhole, .text = "the server answered 416"};
    char* redirect = nullptr;
    curl_easy_getinfo(handle_.get(), CURLINFO_REDIRECT_URL, &redirect);
    return failure_of_status(head_, error_text_, redirect == nullptr ? "" : redirect);
  }
  if (code != CURLE_OK && !enough_) return failure_of_curl(code);
  if (!head_ended_ || !has_object()) return retry(Trouble::kReset, "the server's answer broke off within its headers");
  return object();
}

std::variant<Object, Failure> Transfer::object() {
  if (head_.status == 200 && is_error_document(head_, body_.beginning())) {
    const std::string code = error_code_in(body_.beginning());
    return bad_answer("the server sent an account of an error where the object was expected" +
                      (code.empty() ? code : " (" + code + ")"));
  }
  if (!body_.complete()) {
    return retry(Trouble::kShortBody,
                 "the server's answer ended early, after " + std::to_string(received()) + " bytes");
  }
  Object object;
  object.size = body_.object_size();
  object.bytes = body_.take();
  if (is_strong(head_.etag)) object.version = head_.etag;
  return object;
}

Failure Transfer::failure_of_curl(CURLcode code) const {
  using base::ErrorKind;
  std::string words = curl_text_[0] != '\0' ? curl_text_ : curl_easy_strerror(code);
  // Nothing that could be a URL with its signature.
  if (words.find('?') != std::string::npos) words = curl_easy_strerror(code);
  if (names_the_certificate(code)) {
    return final_failure(ErrorKind::kCertificate, words,
                         "Check the endpoint's name and the machine's clock, or give the certificate of the server's "
                         "authority as ca_file");
  }
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST: {
      Failure failure = retry(Trouble::kConnect, words);
      failure.kind = ErrorKind::kHostNotFound;
      failure.hint = "Check the name in the address or endpoint, and the machine's name service";
      return failure;
    }
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
      // The latter is also said of an answer whose first line is not HTTP.
      if (code == CURLE_UNSUPPORTED_PROTOCOL && first_byte_) break;
      if (code == CURLE_UNSUPPORTED_PROTOCOL && connections_opened() > 0) break;
      return final_failure(ErrorKind::kStorage, "the URL is none that can be read", "Check the address of the dataset");
    case CURLE_OUT_OF_MEMORY:
      return final_failure(ErrorKind::kStorage, "there is no memory for the request");
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_SSL_CONNECT_ERROR:
      return retry(Trouble::kConnect, words);
    case CURLE_OPERATION_TIMEDOUT:
      return retry_late(Trouble::kConnect, "no connection came about in time");
    case CURLE_PARTIAL_FILE:
      return retry(Trouble::kShortBody,
                   "the server's answer ended early, after " + std::to_string(received()) + " bytes");
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM: {
      Failure failure = retry(Trouble::kReset, words);
      // A server may close a connection that it has kept open just as it is used again.
      if (!first_byte_ && connections_opened() == 0) failure.remedy = Remedy::kRetryAtOnce;
      return failure;
    }
    default:
      break;
  }
  return bad_answer("the server's answer is not HTTP (" + std::string(curl_easy_strerror(code)) + ")");
}

std::uint64_t Transfer::connections_opened() const {
  long made = 0;
  curl_easy_getinfo(handle_.get(), CURLINFO_NUM_CONNECTS, &made);
  return static_cast<std::uint64_t>(std::max(made, 0L));
}

bool Transfer::stalled(TimePoint now, Clock::duration patience) {
  if (now - last_byte_ >= patience) return true;
  if (now - window_begin_ < patience) return false;
  const double seconds = std::chrono::duration<double>(now - window_begin_).count();
  if (static_cast<double>(window_bytes_) < seconds) return true;
  window_begin_ = now;
  window_bytes_ = 0;
  return false;
}

TimePoint Transfer::next_check(Clock::duration patience) const {
  return std::min(last_byte_, window_begin_) + patience;
}

}  // namespace penstock::storage::http
