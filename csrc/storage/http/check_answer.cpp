#include "storage/http/check_answer.h"

#include <algorithm>
#include <cctype>

#include "storage/http/shown_url.h"

namespace penstock::storage::http {
namespace {

/// Bytes that are received in vain for a range, from a server that sends the whole object.
constexpr std::uint64_t kMostInVain = std::uint64_t{256} << 20;
/// Chunks are some megabytes; what states more than this is not believed.
constexpr std::uint64_t kLargestBody = std::uint64_t{4} << 30;

std::string_view element(std::string_view body, std::string_view name) {
  const std::string open = "<" + std::string(name) + ">";
  const std::size_t begin = body.find(open);
  if (begin == std::string_view::npos) return {};
  const std::size_t end = body.find('<', begin + open.size());
  if (end == std::string_view::npos) return {};
  return body.substr(begin + open.size(), end - begin - open.size());
}

std::variant<ExpectedBody, Failure> check_partial(const std::optional<base::ByteRange>& range, const AnswerHead& head) {
  if (!range) return bad_answer("the server sent a part of the object (206) where all of it was asked for");
  const std::string stated = "'" + head.content_range.substr(0, 80) + "'";
  const std::optional<ContentRange> part = parse_content_range(head.content_range);
  if (!part || !part->satisfied) return bad_answer("the server sent a part with the Content-Range " + stated);
  if (part->begin != range->begin || part->end != std::min(range->end, part->size)) {
    return bad_answer("the server sent " + stated + " where bytes " + std::to_string(range->begin) + "-" +
                      std::to_string(range->end - 1) + " were asked for");
  }
  const std::uint64_t count = part->end - part->begin;
  if (count > kLargestBody) return bad_answer("the server announced " + std::to_string(count) + " bytes");
  if (head.content_length.value_or(count) != count) {
    return bad_answer("the server sent " + std::to_string(*head.content_length) + " bytes as " + stated);
  }
  return ExpectedBody{.take = count, .size = part->size};
}

std::variant<ExpectedBody, Failure> check_whole(const std::optional<base::ByteRange>& range, const AnswerHead& head) {
  // A body that ends with its connection looks the same when the connection breaks.
  if (!head.content_length && !head.chunked && head.version < 20) {
    return bad_answer("the server does not say how long its answer is");
  }
  ExpectedBody body{.take = head.content_length, .size = head.content_length, .whole = true};
  if (!range) return body;
  body.skip = range->begin;
  body.take = range->size();
  if (body.size) {
    body.skip = std::min(range->begin, *body.size);
    body.take = std::min(range->end, *body.size) - body.skip;
  }
  if (*body.take > 0 && body.skip > kMostInVain) {
    return final_failure(base::ErrorKind::kUnsupported, "the server sends whole objects where a range was asked for",
                         "Put the dataset on a server that answers requests with a Range");
  }
  return body;
}

}  // namespace

std::variant<ExpectedBody, Failure> check_head(const std::optional<base::ByteRange>& range, const AnswerHead& head) {
  // Amazon's libraries leave "aws-chunked" with objects that are stored without it.
  const std::string& encoding = head.content_encoding;
  if (!encoding.empty() && encoding != "identity" && encoding != "aws-chunked") {
    return final_failure(base::ErrorKind::kStorage,
                         "the server sent the object encoded ('" + encoding.substr(0, 40) + "')",
                         "Store the object without a Content-Encoding");
  }
  if (head.contradictory) return bad_answer("the server's Content-Length is no length");
  if (head.content_length.value_or(0) > kLargestBody) {
    return bad_answer("the server announced " + std::to_string(*head.content_length) + " bytes");
  }
  return head.status == 206 ? check_partial(range, head) : check_whole(range, head);
}

std::string error_code_in(std::string_view body) {
  std::string code(element(body, "Code").substr(0, 64));
  const bool sound = std::ranges::all_of(code, [](unsigned char letter) { return std::isalnum(letter) != 0; });
  return sound ? code : std::string();
}

bool is_error_document(const AnswerHead& head, std::string_view beginning) {
  std::string text(beginning.substr(0, 256));
  std::ranges::transform(text, text.begin(),
                         [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
  text.erase(0, std::min(text.find_first_not_of(" \t\r\n"), text.size()));
  if (text.starts_with("<?xml") || text.starts_with("<error>")) return text.find("<error>") != std::string::npos;
  const bool is_html = head.content_type.starts_with("text/html");
  return is_html && (text.starts_with("<!doctype html") || text.starts_with("<html"));
}

std::optional<std::uint64_t> size_of_unsatisfied(const AnswerHead& head, std::string_view body) {
  if (const auto range = parse_content_range(head.content_range); range && !range->satisfied) return range->size;
  return parse_number(element(body, "ActualObjectSize"));
}

Failure failure_of_status(const AnswerHead& head, std::string_view body, const std::string& redirect) {
  using base::ErrorKind;
  const int status = head.status;
  const std::string code = error_code_in(body);
  const std::string text = "the server answered " + std::to_string(status) + (code.empty() ? "" : " (" + code + ")");
  const bool expired = code == "ExpiredToken" || code == "TokenRefreshRequired" || code == "RequestExpired";
  if (status == 403 || expired) {
    return {.remedy = Remedy::kRenewUrl,
            .text = text,
            .kind = ErrorKind::kAccessDenied,
            .hint =
                "Check that the credentials may read the object. S3 answers so for a missing object, too, where "
                "they may not list the bucket"};
  }
  if (status == 401) {
    return final_failure(ErrorKind::kAccessDenied, text, "Give credentials that the server knows");
  }
  if (status == 404 || status == 410) {
    return final_failure(ErrorKind::kChunkNotFound, text,
                         "The dataset is incomplete: copy it again, or restore the object");
  }
  if (status == 412) {
    return final_failure(ErrorKind::kStorage, "the object changed while it was read",
                         "Something writes to the dataset: open it again when that has ended");
  }
  const bool throttled = status == 429 || code == "SlowDown" || code == "ServerBusy" || code == "TooManyRequests";
  const bool passes = status == 408 || code == "RequestTimeout" || (status >= 500 && status != 501 && status != 505);
  if (throttled || passes) {
    Failure failure = retry(throttled ? Trouble::kThrottled : Trouble::kServer, text);
    failure.retry_after_seconds = parse_retry_after(head.retry_after);
    return failure;
  }
  const bool moves = status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
  if (moves && !redirect.empty()) {
    return {.remedy = Remedy::kRedirect, .text = text + ", to " + shown_url(redirect), .location = redirect};
  }
  if (status < 200 || (status > 200 && status < 300)) return bad_answer(text);
  return final_failure(ErrorKind::kStorage, text, "Check the address, the region and the endpoint of the dataset");
}

}  // namespace penstock::storage::http
