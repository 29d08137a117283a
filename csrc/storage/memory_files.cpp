#include "storage/memory_files.h"

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace penstock::storage {

void MemoryFiles::put(const std::string& key, std::vector<std::byte> value) {
  const std::lock_guard lock(mutex_);
  objects_[key] = std::move(value);
}

Object MemoryFiles::read(const std::string& key, std::optional<base::ByteRange> range) {
  const std::lock_guard lock(mutex_);
  const auto found = objects_.find(key);
  if (found == objects_.end()) {
    throw base::Error(base::ErrorKind::kChunkNotFound, "chunk '" + key + "' does not exist");
  }
  const base::Bytes value = found->second;
  const base::ByteRange part = within(range, value.size());
  Object object{base::OwnedBytes::allocate(part.size()), value.size()};
  std::copy_n(value.begin() + static_cast<std::ptrdiff_t>(part.begin), part.size(), object.bytes.data.get());
  return object;
}

std::optional<std::uint64_t> MemoryFiles::known_size(const std::string& key) const {
  const std::lock_guard lock(mutex_);
  const auto found = objects_.find(key);
  if (found == objects_.end()) return std::nullopt;
  return found->second.size();
}

}  // namespace penstock::storage
