#include "storage/http/versions.h"

namespace penstock::storage::http {

std::optional<Versions::Version> Versions::find(const std::string& key) const {
  const std::lock_guard lock(mutex_);
  const auto found = versions_.find(key);
  if (found == versions_.end()) return std::nullopt;
  return found->second;
}

bool Versions::agrees(const std::string& key, const std::string& etag, std::uint64_t size) {
  const std::lock_guard lock(mutex_);
  const auto [place, is_first] = versions_.try_emplace(key, Version{etag, size});
  if (is_first) return true;
  Version& known = place->second;
  if (known.size != size) return false;
  if (known.etag.empty()) known.etag = etag;
  return etag.empty() || known.etag == etag;
}

}  // namespace penstock::storage::http
