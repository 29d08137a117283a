#include "storage/memory_store.h"

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace penstock::storage {

void MemoryStore::put(const std::string& key, std::vector<std::byte> value) {
  const std::lock_guard lock(mutex_);
  objects_[key] = std::move(value);
}

const std::vector<std::byte>& MemoryStore::find(const std::string& key) const {
  const auto found = objects_.find(key);
  if (found == objects_.end()) {
    throw base::Error(base::ErrorKind::kChunkNotFound, "chunk '" + key + "' does not exist");
  }
  return found->second;
}

std::uint64_t MemoryStore::size(const std::string& key) {
  const std::lock_guard lock(mutex_);
  return find(key).size();
}

void MemoryStore::read(const std::string& key, std::uint64_t offset, base::MutableBytes destination) {
  const std::lock_guard lock(mutex_);
  const std::vector<std::byte>& object = find(key);
  if (offset > object.size() || destination.size() > object.size() - offset) {
    throw base::Error(base::ErrorKind::kChunkFormat,
                      "chunk '" + key + "' ends at byte " + std::to_string(object.size()) + ", too early");
  }
  std::copy_n(object.begin() + static_cast<std::ptrdiff_t>(offset), destination.size(), destination.begin());
}

}  // namespace penstock::storage
