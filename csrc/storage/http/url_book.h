#pragma once

#include <deque>
#include <memory>
#include <string>
#include <unordered_map>

#include "storage/http/transfer.h"
#include "storage/http/url_source.h"

namespace penstock::storage::http {

/// URLs that can be used for a while yet.
class UrlBook {
 public:
  struct Entry {
    SignedUrl signed_url;
    TimePoint asked_at;
    TimePoint usable_until;  ///< before it expires, so that a request that begins now is in time
  };
  using Shared = std::shared_ptr<const Entry>;

  /// Null where there is none that can be used now.
  Shared find(const std::string& key, TimePoint now) const;
  bool usable(const Entry& entry, TimePoint now) const;
  void put(const std::string& key, SignedUrl signed_url, TimePoint asked_at);

  /// The server refused a URL. False where it was made of fresh credentials, so that others will not help; else all
  /// that were asked for before now are used no more.
  bool renew(const Entry& refused, TimePoint now);
  /// Whether the next URLs have to be of fresh credentials; says so once for each renewal.
  bool take_fresh_wanted();

 private:
  std::unordered_map<std::string, Shared> entries_;
  std::deque<std::string> oldest_first_;
  TimePoint renewed_at_{};
  bool fresh_wanted_ = false;
};

}  // namespace penstock::storage::http
