#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "storage/store.h"

namespace penstock::storage {

/// Objects in memory.
class MemoryStore final : public Store {
 public:
  void put(const std::string& key, std::vector<std::byte> value);

  std::uint64_t size(const std::string& key) override;
  void read(const std::string& key, std::uint64_t offset, base::MutableBytes destination) override;

 private:
  const std::vector<std::byte>& find(const std::string& key) const;

  std::mutex mutex_;
  std::map<std::string, std::vector<std::byte>> objects_;
};

}  // namespace penstock::storage
