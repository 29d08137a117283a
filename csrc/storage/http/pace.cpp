#include "storage/http/pace.h"

#include <algorithm>

namespace penstock::storage::http {
namespace {

constexpr std::size_t kTimes = 256;
constexpr std::size_t kFewestTimes = 32;
constexpr unsigned kBetweenQuantiles = 16;
constexpr double kQuantile = 0.95;
/// Where answers come at once, another request gains nothing.
constexpr std::chrono::milliseconds kSoonest{20};
constexpr unsigned kFewestAnswers = 8;
constexpr double kWeight = 1.0 / 16;
constexpr double kShare = 0.05;
constexpr double kMostTokens = 8;

std::size_t class_of(std::uint64_t bytes) {
  return bytes <= (std::uint64_t{64} << 10) ? 0 : bytes <= (std::uint64_t{2} << 20) ? 1 : 2;
}

double seconds(Clock::duration time) { return std::chrono::duration<double>(time).count(); }

}  // namespace

void Pace::Times::add(Clock::duration time) {
  if (last_.size() < kTimes) {
    last_.push_back(time);
  } else {
    last_[next_] = time;
    next_ = (next_ + 1) % kTimes;
  }
  if (last_.size() < kFewestTimes || (slow_ && ++since_ < kBetweenQuantiles)) return;
  since_ = 0;
  std::vector<Clock::duration> sorted = last_;
  const auto place = sorted.begin() + static_cast<std::ptrdiff_t>(kQuantile * static_cast<double>(sorted.size()));
  std::nth_element(sorted.begin(), place, sorted.end());
  slow_ = *place;
}

std::optional<Clock::duration> Pace::Times::slow() const { return slow_; }

void Pace::on_answer(std::uint64_t bytes, Clock::duration to_first_byte, Clock::duration of_body) {
  by_size_[class_of(bytes)].add(to_first_byte);
  // The rate of what came with the first byte is not known.
  const double rate = static_cast<double>(bytes) / std::max(seconds(of_body), 1e-5);
  const double weight = known_ == 0 ? 1 : kWeight;
  latency_ += weight * (seconds(to_first_byte) - latency_);
  rate_ += weight * (rate - rate_);
  if (++known_ < kFewestAnswers) return;
  known_ = kFewestAnswers;
  const double worth = std::clamp(latency_ * rate_, 65536.0, 4194304.0);
  bytes_worth_a_request_ = static_cast<std::uint64_t>(worth);
}

std::optional<Clock::duration> Pace::slow_after(std::uint64_t bytes) const {
  const std::optional<Clock::duration> slow = by_size_[class_of(bytes)].slow();
  if (!slow) return std::nullopt;
  return std::max<Clock::duration>(*slow + *slow / 2, kSoonest);
}

void HedgeBudget::on_request() { tokens_ = std::min(kMostTokens, tokens_ + kShare); }

bool HedgeBudget::take() {
  if (tokens_ < 1) return false;
  tokens_ -= 1;
  return true;
}

}  // namespace penstock::storage::http
