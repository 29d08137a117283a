#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

namespace penstock::storage::http {

/// What the first answer for each key said of the object: later ones have to agree. Thread-safe.
class Versions {
 public:
  struct Version {
    std::string etag;  ///< empty where there was none, or a weak one
    std::uint64_t size = 0;
  };

  std::optional<Version> find(const std::string& key) const;

  /// False where this is another object than before. An answer without an ETag is judged by its size.
  bool agrees(const std::string& key, const std::string& etag, std::uint64_t size);

 private:
  mutable std::mutex mutex_;
  std::unordered_map<std::string, Version> versions_;
};

}  // namespace penstock::storage::http
