#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "storage/http/check_answer.h"

namespace penstock::storage::http {

/// Takes the bytes of a body to where they are handed out from.
class Body {
 public:
  enum class Step { kMore, kEnough, kTooLong };

  /// Takes memory for what is expected: of its size, where that is known. May throw std::bad_alloc.
  void begin(const ExpectedBody& expected);

  /// kEnough: what was asked for is there, and what follows is too much to wait for. kTooLong: more than was stated.
  Step add(base::Bytes bytes);

  /// Whether what was asked for has come, now that the body has ended (or is enough).
  bool complete() const;

  std::uint64_t received() const { return received_; }
  /// The first bytes of the body, as they came.
  std::string_view beginning() const { return beginning_; }

  /// The size of the whole object. The body is complete.
  std::uint64_t object_size() const { return expected_.size.value_or(received_); }
  base::OwnedBytes take();

 private:
  void keep(base::Bytes bytes);

  ExpectedBody expected_;
  std::uint64_t received_ = 0;
  base::OwnedBytes bytes_;
  std::size_t kept_ = 0;
  std::string beginning_;
};

}  // namespace penstock::storage::http
