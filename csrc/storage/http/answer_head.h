#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace penstock::storage::http {

/// The status line and the headers of an answer that matter here.
struct AnswerHead {
  int status = 0;
  int version = 0;  ///< 10, 11, 20
  bool chunked = false;
  bool contradictory = false;  ///< two lengths, or one that is no number
  std::optional<std::uint64_t> content_length = std::nullopt;
  std::string content_range = {};
  std::string content_type = {};
  std::string content_encoding = {};
  std::string etag = {};
  std::string retry_after = {};
  std::size_t bytes = 0;  ///< of all lines

  /// Takes a line as it came, with its end. A status line begins anew.
  void add(std::string_view line);
};

/// A Content-Range header: "bytes 0-99/1000", or "bytes */1000" of an object that ends before.
struct ContentRange {
  bool satisfied = false;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;  ///< one past the last byte
  std::uint64_t size = 0;
};

/// Nothing where the text is something else, contradicts itself, or does not say the object's size.
std::optional<ContentRange> parse_content_range(std::string_view text);

/// A number of digits alone, as headers have them; nothing where it does not fit.
std::optional<std::uint64_t> parse_number(std::string_view text);

/// Seconds from now, of a Retry-After header; 0 where it says nothing.
double parse_retry_after(const std::string& text);

/// Whether an ETag names the bytes themselves: weak ones do not.
bool is_strong(std::string_view etag);

}  // namespace penstock::storage::http
