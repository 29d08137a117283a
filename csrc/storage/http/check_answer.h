#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/bytes.h"
#include "storage/http/answer_head.h"
#include "storage/http/failure.h"

namespace penstock::storage::http {

/// What is to be done with the bytes of a body.
struct ExpectedBody {
  std::uint64_t skip = 0;                            ///< before those that were asked for
  std::optional<std::uint64_t> take = std::nullopt;  ///< that are handed out; nothing: all up to the end
  std::optional<std::uint64_t> size = std::nullopt;  ///< of the whole object; nothing: where the body ends
  bool whole = false;                                ///< the body is the whole object
};

/// Whether the head of an answer of status 200 or 206 fits what was asked for, before any byte is taken.
std::variant<ExpectedBody, Failure> check_head(const std::optional<base::ByteRange>& range, const AnswerHead& head);

/// What an answer of any other status says; `body` is its beginning.
Failure failure_of_status(const AnswerHead& head, std::string_view body, const std::string& redirect);

/// Size of the object where the answer says that it ends before the range begins (416).
std::optional<std::uint64_t> size_of_unsatisfied(const AnswerHead& head, std::string_view body);

/// Whether a body of status 200 that begins so is the account of an error, not an object.
bool is_error_document(const AnswerHead& head, std::string_view beginning);

/// The word in a cloud's XML for what is wrong, "SlowDown"; empty where there is none. Nothing else of such a document
/// goes into messages: it may repeat what was signed.
std::string error_code_in(std::string_view body);

}  // namespace penstock::storage::http
