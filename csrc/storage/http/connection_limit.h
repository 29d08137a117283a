#pragma once

#include <cstdint>

#include "storage/http/transfer.h"

namespace penstock::storage::http {

/// How many requests may be under way: few at first, more while that brings more bytes. See the README for the rule.
class ConnectionLimit {
 public:
  explicit ConnectionLimit(unsigned most);

  unsigned now() const { return limit_; }

  /// An answer has come. `others_wait`: requests wait for their turn, so that the limit is what limits.
  void on_answer(TimePoint when, std::uint64_t bytes, bool others_wait);
  /// The server asks for patience.
  void on_throttled(TimePoint when);

 private:
  void begin_round(TimePoint when);
  void judge_round(TimePoint when, double rate);

  unsigned most_;
  unsigned limit_;
  TimePoint round_begin_{};
  unsigned round_answers_ = 0;
  std::uint64_t round_bytes_ = 0;
  bool round_full_ = true;

  double rate_before_ = 0;     // bytes a second, with limit_before_
  unsigned limit_before_ = 0;  // 0: nothing was tried yet
  unsigned poor_rounds_ = 0;   // since it grew
  bool doubling_ = true;
  TimePoint rest_until_{};
  TimePoint patient_until_{};
};

}  // namespace penstock::storage::http
