#include "storage/disk_cache/checksum.h"

#include <cstdio>

// The library's header has all of it: nothing is linked.
#define XXH_INLINE_ALL
#include <xxhash.h>

namespace penstock::storage::disk_cache {

std::uint64_t checksum(base::Bytes bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

std::string fingerprint(const std::string& first, const std::string& second) {
  // The length keeps ("ab", "c") and ("a", "bc") apart.
  const std::string text = std::to_string(first.size()) + ":" + first + second;
  const XXH128_hash_t hash = XXH3_128bits(text.data(), text.size());
  char name[33];
  std::snprintf(name, sizeof name, "%016llx%016llx", static_cast<unsigned long long>(hash.high64),
                static_cast<unsigned long long>(hash.low64));
  return name;
}

}  // namespace penstock::storage::disk_cache
