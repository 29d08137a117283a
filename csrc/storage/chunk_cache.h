#pragma once

#include <algorithm>
#include <cstdint>
#include <exception>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "base/answer.h"
#include "base/result.h"
#include "base/stats.h"
#include "storage/store.h"

namespace penstock::storage {

/// Keeps the most recently used values up to a budget in bytes, and loads each value once however many ask for it at
/// the same time: the first one's load answers them all, with the value or its exception. A failed load is not
/// remembered. A value that has left the cache is found again for as long as somebody holds it. Thread-safe; nobody
/// waits in it.
///
/// The budget bounds what the cache holds on to; a value larger than the whole budget is handed out and not kept. Where
/// values take more than they may, whoever holds them, the cache lets go of those that nobody else holds.
template <class Key, class Value>
class ChunkCache {
 public:
  using Pointer = std::shared_ptr<const Value>;

  struct Loaded {
    Pointer value;
    std::uint64_t bytes = 0;
  };

  /// Takes a value; it must not throw. Called by get() itself where the value is there.
  using Ready = std::function<void(base::Result<Pointer>)>;
  /// Begins to get a value; `wanted` says whether any of those who asked still waits.
  using Load = std::function<void(base::Answer<Loaded>, Wanted wanted)>;

  /// By how many bytes values take more than they may, in the cache and elsewhere.
  using Over = std::function<std::uint64_t()>;

  ChunkCache(std::uint64_t budget_bytes, base::Stats& stats, Over over = nullptr)
      : budget_(budget_bytes), stats_(stats), over_(std::move(over)) {}

  /// Hands the value of `key` to `ready`, or what came in its place; where it is neither here nor under way, `load`
  /// gets it. Whatever fails goes to `ready`. `wanted` says whether it is still waited for.
  void get(const Key& key, const Load& load, Ready ready, Wanted wanted = {}) noexcept {
    try {
      std::shared_ptr<Flight> flight;
      if (Pointer value = find_or_join(key, {ready, std::move(wanted)}, load, flight)) {
        ready(std::move(value));
        return;
      }
      if (flight == nullptr) return;  // another one's load is under way
      begin(key, flight);
    } catch (...) {
      ready(std::current_exception());
    }
  }

  /// Lets go of a value that will not be wanted soon.
  void forget(const Key& key) noexcept {
    Pointer dropped;  // freed outside the lock
    const std::lock_guard lock(mutex_);
    const auto found = values_.find(key);
    if (found == values_.end() || found->second.kept == nullptr) return;
    dropped = let_go(found->second);
  }

  /// Lets go of the oldest values that nobody else holds, until they have made room for so many bytes.
  void make_room(std::uint64_t bytes) noexcept {
    std::vector<Pointer> evicted;  // freed outside the lock
    const std::lock_guard lock(mutex_);
    make_room(bytes, evicted);
  }

  std::uint64_t bytes() const {
    const std::lock_guard lock(mutex_);
    return bytes_;
  }

 private:
  struct Waiting {
    Ready ready;
    Wanted wanted;
  };

  /// One load under way, and who waits for it.
  struct Flight {
    Load load;
    std::vector<Waiting> waiting;
    bool given_up = false;  ///< nobody wanted it when its turn came

    bool wanted() const {
      return std::any_of(waiting.begin(), waiting.end(), [](const Waiting& one) { return is_wanted(one.wanted); });
    }
  };

  struct Entry {
    Pointer kept;  ///< null once it has left the cache
    std::weak_ptr<const Value> seen;
    std::uint64_t bytes = 0;
    typename std::list<Key>::iterator position;
  };

  /// The value, or null: then `who` waits, and `flight` is the load that the caller has to begin, if any.
  Pointer find_or_join(const Key& key, Waiting who, const Load& load, std::shared_ptr<Flight>& flight) {
    const std::lock_guard lock(mutex_);
    if (const auto found = values_.find(key); found != values_.end()) {
      Entry& entry = found->second;
      if (entry.kept != nullptr) recent_.splice(recent_.begin(), recent_, entry.position);
      if (Pointer value = entry.seen.lock()) {
        ++stats_.cache_hits;
        return value;
      }
    }
    if (const auto found = flights_.find(key); found != flights_.end()) {
      found->second->waiting.push_back(std::move(who));
      ++stats_.cache_hits;
      return nullptr;
    }
    auto begun = std::make_shared<Flight>();
    begun->load = load;
    begun->waiting.push_back(std::move(who));
    flights_.emplace(key, begun);
    ++stats_.cache_misses;
    flight = std::move(begun);
    return nullptr;
  }

  /// From here on whatever goes wrong is the flight's to tell.
  void begin(const Key& key, const std::shared_ptr<Flight>& flight) noexcept {
    std::optional<base::Answer<Loaded>> answer;
    try {
      answer.emplace([this, key, flight](base::Result<Loaded> result) { land(key, flight, std::move(result)); });
      flight->load(*answer, [this, flight] { return still_wanted(*flight); });
    } catch (...) {
      if (answer) {
        answer->fail(std::current_exception());
      } else {
        land(key, flight, std::current_exception());
      }
    }
  }

  bool still_wanted(Flight& flight) noexcept {
    const std::lock_guard lock(mutex_);
    flight.given_up = !flight.wanted();
    return !flight.given_up;
  }

  void land(const Key& key, const std::shared_ptr<Flight>& flight, base::Result<Loaded> result) noexcept {
    std::vector<Pointer> evicted;  // freed outside the lock: megabytes take time
    std::vector<Waiting> waiting;
    {
      std::unique_lock lock(mutex_);
      if (!result.sound() && std::exchange(flight->given_up, false) && flight->wanted()) {
        // Somebody has joined since nobody wanted it.
        lock.unlock();
        return begin(key, flight);
      }
      waiting = std::move(flight->waiting);
      flights_.erase(key);
      if (result.sound()) remember(key, result.value(), evicted);
    }
    for (const Waiting& one : waiting) {
      one.ready(result.sound() ? base::Result<Pointer>(result.value().value) : base::Result<Pointer>(result.error()));
    }
  }

  /// Keeping is a favour: where there is no memory for it, the value is handed out all the same.
  void remember(const Key& key, const Loaded& loaded, std::vector<Pointer>& evicted) noexcept {
    try {
      if (values_.size() > 2 * recent_.size() + kMostForgotten) {
        std::erase_if(values_, [](const auto& item) { return item.second.seen.expired(); });
      }
      Entry& entry = values_[key];
      if (entry.kept != nullptr) evicted.push_back(let_go(entry));
      entry.seen = loaded.value;
      if (loaded.bytes > budget_) return;
      recent_.push_front(key);
      entry.kept = loaded.value;
      entry.bytes = loaded.bytes;
      entry.position = recent_.begin();
      bytes_ += loaded.bytes;
    } catch (...) {
      return;
    }
    while (bytes_ > budget_) evict(values_.find(recent_.back())->second, evicted);
    make_room(over_ ? over_() : 0, evicted);
  }

  void make_room(std::uint64_t over, std::vector<Pointer>& evicted) noexcept {
    for (auto key = recent_.end(); over > 0 && key != recent_.begin();) {
      Entry& entry = values_.find(*--key)->second;
      if (entry.kept.use_count() > 1) continue;  // letting go of it would free nothing
      over -= std::min(over, entry.bytes);
      ++key;
      evict(entry, evicted);
    }
  }

  void evict(Entry& entry, std::vector<Pointer>& evicted) noexcept {
    Pointer dropped = let_go(entry);
    try {
      evicted.push_back(std::move(dropped));
    } catch (...) {
      return;  // it is freed here and now
    }
  }

  Pointer let_go(Entry& entry) noexcept {
    bytes_ -= entry.bytes;
    recent_.erase(entry.position);
    return std::exchange(entry.kept, nullptr);
  }

  /// Entries of values that are gone are swept out once there are so many more of them than of others.
  static constexpr std::size_t kMostForgotten = 1024;

  const std::uint64_t budget_;
  base::Stats& stats_;
  const Over over_;
  mutable std::mutex mutex_;
  std::map<Key, std::shared_ptr<Flight>> flights_;
  std::map<Key, Entry> values_;
  std::list<Key> recent_;  // of the kept ones, most recently used first
  std::uint64_t bytes_ = 0;
};

}  // namespace penstock::storage
