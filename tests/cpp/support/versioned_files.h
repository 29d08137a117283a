#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "base/error.h"
#include "storage/files.h"
#include "support/bytes.h"

namespace penstock::test {

/// Objects in memory that have versions, as a bucket's do; it counts what is asked of it.
class VersionedFiles final : public storage::Files {
 public:
  /// Without a version, it is one that the key had not before.
  void put(const std::string& key, ByteVector value, std::optional<std::string> version = std::nullopt) {
    const std::lock_guard lock(mutex_);
    objects_[key] = {std::move(value), version ? *version : '"' + std::to_string(++versions_) + '"'};
  }

  storage::Object read(const std::string& key, std::optional<base::ByteRange> range) override {
    const std::lock_guard lock(mutex_);
    ++(range ? ranges_ : wholes_);
    const auto found = objects_.find(key);
    if (found == objects_.end()) {
      throw base::Error(base::ErrorKind::kChunkNotFound, "chunk '" + key + "' does not exist");
    }
    const auto& [value, version] = found->second;
    const base::ByteRange part = storage::within(range, value.size());
    storage::Object object{base::OwnedBytes::allocate(part.size()), value.size(), version};
    std::copy_n(value.begin() + static_cast<std::ptrdiff_t>(part.begin), part.size(), object.bytes.data.get());
    return object;
  }
  std::optional<std::uint64_t> known_size(const std::string& /*key*/) const override { return std::nullopt; }

  /// Requests for whole objects, and for ranges.
  unsigned wholes() const {
    const std::lock_guard lock(mutex_);
    return wholes_;
  }
  unsigned ranges() const {
    const std::lock_guard lock(mutex_);
    return ranges_;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::pair<ByteVector, std::string>> objects_;
  unsigned versions_ = 0;
  unsigned wholes_ = 0;
  unsigned ranges_ = 0;
};

}  // namespace penstock::test
