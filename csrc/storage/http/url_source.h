#pragma once

#include <limits>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace penstock::storage {

/// Where an object can be read for a while, by whoever has the URL: it is a secret.
struct SignedUrl {
  std::string url;
  std::map<std::string, std::string> headers = {};             ///< to be sent with each request
  double valid_for = std::numeric_limits<double>::infinity();  ///< seconds from when it was asked for
};

/// Gives URLs for keys.
class UrlSource {
 public:
  UrlSource() = default;
  virtual ~UrlSource() = default;
  UrlSource(const UrlSource&) = delete;
  UrlSource& operator=(const UrlSource&) = delete;

  /// One URL for each key, in their order. `fresh`: the credentials that were used so far were refused, get new ones.
  /// May block; called from one thread at a time. Throws base::Error.
  virtual std::vector<SignedUrl> sign(std::span<const std::string> keys, bool fresh) = 0;
};

}  // namespace penstock::storage
