#include "storage/http/connection_limit.h"

#include <algorithm>

namespace penstock::storage::http {
namespace {

constexpr unsigned kFirst = 8;
constexpr double kWorthwhile = 1.08;
constexpr unsigned kPoorRounds = 2;
constexpr std::chrono::milliseconds kShortestRound{50};
constexpr std::chrono::seconds kRest{10};
constexpr std::chrono::seconds kRestWhenThrottled{3};

}  // namespace

ConnectionLimit::ConnectionLimit(unsigned most) : most_(std::max(most, 1U)), limit_(std::min(most_, kFirst)) {}

void ConnectionLimit::begin_round(TimePoint when) {
  round_begin_ = when;
  round_answers_ = 0;
  round_bytes_ = 0;
  round_full_ = true;
}

void ConnectionLimit::on_answer(TimePoint when, std::uint64_t bytes, bool others_wait) {
  if (round_begin_ == TimePoint{}) {
    begin_round(when);
    return;
  }
  ++round_answers_;
  round_bytes_ += bytes;
  round_full_ = round_full_ && others_wait;
  if (round_answers_ < limit_ || when - round_begin_ < kShortestRound) return;
  const double seconds = std::chrono::duration<double>(when - round_begin_).count();
  if (round_full_) judge_round(when, static_cast<double>(round_bytes_) / seconds);
  begin_round(when);
}

void ConnectionLimit::judge_round(TimePoint when, double rate) {
  if (when < rest_until_) {
    rate_before_ = rate;
    return;
  }
  if (limit_before_ != 0 && limit_before_ < limit_ && rate < rate_before_ * kWorthwhile) {
    // New connections begin slowly, and one round may be an accident.
    if (++poor_rounds_ < kPoorRounds) return;
    // More did not bring more: back to what did as well, and another try when things may have changed.
    poor_rounds_ = 0;
    limit_ = limit_before_;
    limit_before_ = 0;
    doubling_ = false;
    rest_until_ = when + kRest;
    return;
  }
  poor_rounds_ = 0;
  if (limit_ == most_) return;
  limit_before_ = limit_;
  rate_before_ = rate;
  limit_ = std::min(most_, doubling_ ? 2 * limit_ : limit_ + std::max(1U, limit_ / 4));
}

void ConnectionLimit::on_throttled(TimePoint when) {
  // One burst of refusals is one sign.
  if (when < patient_until_) return;
  patient_until_ = when + kRestWhenThrottled;
  limit_ = std::max(1U, limit_ / 2);
  limit_before_ = 0;
  doubling_ = false;
  rest_until_ = std::max(rest_until_, patient_until_);
}

}  // namespace penstock::storage::http
