#include "storage/http/url_book.h"

#include <algorithm>
#include <utility>

namespace penstock::storage::http {
namespace {

/// A URL may have a kilobyte; to sign one again costs microseconds.
constexpr std::size_t kMostEntries = 16384;
constexpr double kLongestMargin = 30;   // seconds
constexpr double kShareOfMargin = 0.1;  // of the time that a URL is valid
/// Credentials that were fetched so short a time ago are fresh.
constexpr std::chrono::seconds kFresh{10};

TimePoint usable_until(TimePoint asked_at, double valid_for) {
  constexpr double kForever = 1e8;
  const double usable = valid_for - std::min(kLongestMargin, valid_for * kShareOfMargin);
  return asked_at +
         std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(std::clamp(usable, 0.0, kForever)));
}

}  // namespace

UrlBook::Shared UrlBook::find(const std::string& key, TimePoint now) const {
  const auto found = entries_.find(key);
  return found != entries_.end() && usable(*found->second, now) ? found->second : nullptr;
}

bool UrlBook::usable(const Entry& entry, TimePoint now) const {
  return entry.asked_at >= renewed_at_ && now < entry.usable_until;
}

void UrlBook::put(const std::string& key, SignedUrl signed_url, TimePoint asked_at) {
  auto entry = std::make_shared<Entry>();
  entry->usable_until = usable_until(asked_at, signed_url.valid_for);
  entry->signed_url = std::move(signed_url);
  entry->asked_at = asked_at;
  if (const auto found = entries_.find(key); found != entries_.end()) {
    found->second = std::move(entry);
    return;
  }
  oldest_first_.push_back(key);
  entries_.emplace(key, std::move(entry));
  while (oldest_first_.size() > kMostEntries) {
    entries_.erase(oldest_first_.front());
    oldest_first_.pop_front();
  }
}

bool UrlBook::renew(const Entry& refused, TimePoint now) {
  if (refused.asked_at < renewed_at_) return true;
  if (renewed_at_ != TimePoint{} && refused.asked_at - renewed_at_ < kFresh) return false;
  renewed_at_ = now;
  fresh_wanted_ = true;
  return true;
}

bool UrlBook::take_fresh_wanted() { return std::exchange(fresh_wanted_, false); }

}  // namespace penstock::storage::http
