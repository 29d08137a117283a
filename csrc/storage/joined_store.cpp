#include "storage/joined_store.h"

#include <algorithm>
#include <charconv>

#include "base/error.h"

namespace penstock::storage {

void JoinedStore::get(Request request, Done done) noexcept {
  answering(std::move(done), [&](const base::Answer<Object>& answer) {
    Part part = part_of(request.key);
    part.store.get({std::move(part.key), request.range, std::move(request.wanted)},
                   [answer](base::Result<Object> result) { answer.give(std::move(result)); });
  });
}

std::optional<std::uint64_t> JoinedStore::known_size(const std::string& key) const {
  const Part part = part_of(key);
  return part.store.known_size(part.key);
}

std::uint64_t JoinedStore::bytes_worth_a_request() const {
  std::uint64_t most = 0;
  for (const std::shared_ptr<Store>& store : stores_) most = std::max(most, store->bytes_worth_a_request());
  return most;
}

std::vector<Count> JoinedStore::counts() const {
  std::vector<Count> all;
  for (const std::shared_ptr<Store>& store : stores_) {
    for (Count& count : store->counts()) {
      const auto same =
          std::find_if(all.begin(), all.end(), [&](const Count& other) { return other.name == count.name; });
      if (same == all.end()) {
        all.push_back(std::move(count));
      } else {
        same->value += count.value;
      }
    }
  }
  return all;
}

void JoinedStore::begin_stop() noexcept {
  for (const std::shared_ptr<Store>& store : stores_) store->begin_stop();
}

bool JoinedStore::stop(base::Deadline deadline) noexcept {
  begin_stop();
  bool ended = true;
  for (const std::shared_ptr<Store>& store : stores_) ended = store->stop(deadline) && ended;
  return ended;
}

void JoinedStore::abandon(std::shared_ptr<const void> owner) noexcept {
  for (const std::shared_ptr<Store>& store : stores_) store->abandon(owner);
}

JoinedKey joined_key(const std::string& key, std::size_t stores) {
  std::size_t number = 0;
  const char* const end = key.data() + key.size();
  const auto [slash, failure] = std::from_chars(key.data(), end, number);
  if (failure != std::errc() || slash == end || *slash != '/' || number >= stores) {
    throw base::Error(base::ErrorKind::kStorage,
                      "'" + key + "' names none of the " + std::to_string(stores) + " stores that are joined");
  }
  return {number, std::string(slash + 1, end)};
}

JoinedStore::Part JoinedStore::part_of(const std::string& key) const {
  JoinedKey found = joined_key(key, stores_.size());
  return {*stores_[found.store], std::move(found.key)};
}

}  // namespace penstock::storage
