#include "storage/joined_store.h"

#include <charconv>

#include "base/error.h"

namespace penstock::storage {

std::uint64_t JoinedStore::size(const std::string& key) {
  const Part part = part_of(key);
  return part.store.size(part.key);
}

void JoinedStore::read(const std::string& key, std::uint64_t offset, base::MutableBytes destination) {
  const Part part = part_of(key);
  part.store.read(part.key, offset, destination);
}

JoinedStore::Part JoinedStore::part_of(const std::string& key) const {
  std::size_t number = 0;
  const char* const end = key.data() + key.size();
  const auto [slash, failure] = std::from_chars(key.data(), end, number);
  if (failure != std::errc() || slash == end || *slash != '/' || number >= stores_.size()) {
    throw base::Error(base::ErrorKind::kStorage,
                      "'" + key + "' names none of the " + std::to_string(stores_.size()) + " stores that are joined");
  }
  return {*stores_[number], std::string(slash + 1, end)};
}

}  // namespace penstock::storage
