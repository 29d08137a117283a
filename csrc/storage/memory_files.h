#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "storage/files.h"

namespace penstock::storage {

/// Objects in memory.
class MemoryFiles final : public Files {
 public:
  void put(const std::string& key, std::vector<std::byte> value);

  Object read(const std::string& key, std::optional<base::ByteRange> range) override;
  std::optional<std::uint64_t> known_size(const std::string& key) const override;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::vector<std::byte>> objects_;
};

}  // namespace penstock::storage
