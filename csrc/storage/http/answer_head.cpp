#include "storage/http/answer_head.h"

#include <curl/curl.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <ctime>

namespace penstock::storage::http {
namespace {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const std::size_t begin = std::min(text.find_first_not_of(kSpace), text.size());
  const std::size_t end = text.find_last_not_of(kSpace);
  return end == std::string_view::npos ? std::string_view() : text.substr(begin, end + 1 - begin);
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(),
                         [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
  return out;
}

}  // namespace

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

void AnswerHead::add(std::string_view line) {
  const std::size_t so_far = bytes + line.size();
  if (line.starts_with("HTTP/")) {
    *this = AnswerHead();
    const std::string_view number = line.substr(5, std::min(line.find(' '), line.size()) - 5);
    version = number == "1.0" ? 10 : number == "1.1" ? 11 : 20;
    const std::size_t space = std::min(line.find(' '), line.size() - 1);
    status = static_cast<int>(parse_number(trimmed(line.substr(space, 4))).value_or(0));
  }
  bytes = so_far;
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return;
  const std::string name = lower(trimmed(line.substr(0, colon)));
  const std::string_view value = trimmed(line.substr(colon + 1));
  if (name == "content-length") {
    const std::optional<std::uint64_t> length = parse_number(value);
    if (!length || (content_length && *content_length != *length)) contradictory = true;
    content_length = length;
  } else if (name == "content-range") {
    content_range = value;
  } else if (name == "content-type") {
    content_type = lower(value);
  } else if (name == "content-encoding") {
    content_encoding = lower(value);
  } else if (name == "transfer-encoding") {
    chunked = lower(value).find("chunked") != std::string::npos;
  } else if (name == "etag") {
    etag = value;
  } else if (name == "retry-after") {
    retry_after = value;
  }
}

std::optional<ContentRange> parse_content_range(std::string_view text) {
  if (lower(text.substr(0, 6)) != "bytes ") return std::nullopt;
  text = trimmed(text.substr(6));
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const std::optional<std::uint64_t> size = parse_number(trimmed(text.substr(slash + 1)));
  if (!size) return std::nullopt;
  const std::string_view span = trimmed(text.substr(0, slash));
  if (span == "*") return ContentRange{.size = *size};
  const std::size_t dash = span.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const std::optional<std::uint64_t> first = parse_number(trimmed(span.substr(0, dash)));
  const std::optional<std::uint64_t> last = parse_number(trimmed(span.substr(dash + 1)));
  if (!first || !last || *first > *last || *last >= *size) return std::nullopt;
  return ContentRange{.satisfied = true, .begin = *first, .end = *last + 1, .size = *size};
}

double parse_retry_after(const std::string& text) {
  if (const std::optional<std::uint64_t> seconds = parse_number(text)) return static_cast<double>(*seconds);
  if (text.empty()) return 0;
  const std::time_t date = curl_getdate(text.c_str(), nullptr);
  return date < 0 ? 0 : std::max(0.0, std::difftime(date, std::time(nullptr)));
}

// Some servers leave the quotes out.
bool is_strong(std::string_view etag) { return !etag.empty() && !etag.starts_with("W/"); }

}  // namespace penstock::storage::http
