#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <utility>

#include "base/error.h"
#include "base/stats.h"

namespace penstock::storage {

/// Keeps the most recently used values up to a budget in bytes, and loads each value once however many threads ask
/// for it at the same time: the first loads, the others wait for its result or its exception. A failed load is not
/// remembered. Values that have left the cache live on for as long as somebody holds them. Thread-safe.
///
/// The budget bounds what the cache holds on to; a value larger than the whole budget is handed out and not kept.
template <class Key, class Value>
class ChunkCache {
 public:
  using Pointer = std::shared_ptr<const Value>;

  struct Loaded {
    Pointer value;
    std::uint64_t bytes = 0;
  };

  ChunkCache(std::uint64_t budget_bytes, base::Stats& stats) : budget_(budget_bytes), stats_(stats) {}

  /// The value of `key`, loaded by `load` when it is not there. Whatever `load` throws reaches every waiting caller.
  Pointer get(const Key& key, const std::function<Loaded()>& load) {
    std::shared_ptr<Flight> flight;
    {
      std::unique_lock lock(mutex_);
      if (const auto found = kept_.find(key); found != kept_.end()) {
        recent_.splice(recent_.begin(), recent_, found->second.position);
        ++stats_.cache_hits;
        return found->second.value;
      }
      if (const auto found = flights_.find(key); found != flights_.end()) {
        ++stats_.cache_hits;
        flight = found->second;
        landed_.wait(lock, [&] { return flight->landed; });
        lock.unlock();
        return flight->result();
      }
      ++stats_.cache_misses;
      flight = std::make_shared<Flight>();
      flights_.emplace(key, flight);
    }
    // Nobody else looks into the flight before it has landed.
    std::uint64_t bytes = 0;
    try {
      Loaded loaded = load();
      flight->value = std::move(loaded.value);
      bytes = loaded.bytes;
    } catch (...) {
      flight->failure = keep_exception();
    }
    land(key, *flight, bytes);
    return flight->result();
  }

  std::uint64_t bytes() const {
    const std::lock_guard lock(mutex_);
    return bytes_;
  }

 private:
  /// One load under way.
  struct Flight {
    bool landed = false;
    Pointer value;
    std::function<void()> failure;  // throws what the load threw; empty where it threw nothing

    const Pointer& result() const {
      if (failure) failure();
      return value;
    }
  };

  struct Kept {
    Pointer value;
    std::uint64_t bytes = 0;
    typename std::list<Key>::iterator position;
  };

  /// What throws the exception being handled again. A base::Error is thrown as a copy, so that each caller may add to
  /// its own.
  static std::function<void()> keep_exception() noexcept {
    try {
      try {
        throw;
      } catch (const base::Error& error) {
        return [error] { throw error; };
      } catch (...) {
        return [error = std::current_exception()] { std::rethrow_exception(error); };
      }
    } catch (...) {
      return [] { throw std::bad_alloc(); };  // no memory to keep it
    }
  }

  void land(const Key& key, Flight& flight, std::uint64_t bytes) {
    std::map<Key, Kept> evicted;  // destroyed after the lock is gone: freeing megabytes takes time
    {
      const std::lock_guard lock(mutex_);
      flight.landed = true;
      flights_.erase(key);
      if (!flight.failure && bytes <= budget_) keep(key, flight.value, bytes, evicted);
    }
    landed_.notify_all();
  }

  /// Keeping is a favour: where there is no memory for it, the value is handed out all the same.
  void keep(const Key& key, const Pointer& value, std::uint64_t bytes, std::map<Key, Kept>& evicted) noexcept {
    std::list<Key> entry;
    try {
      entry.push_front(key);
      kept_.emplace(key, Kept{value, bytes, entry.begin()});
    } catch (...) {
      return;
    }
    recent_.splice(recent_.begin(), entry);
    bytes_ += bytes;
    while (bytes_ > budget_) {
      const auto oldest = kept_.find(recent_.back());
      bytes_ -= oldest->second.bytes;
      evicted.insert(kept_.extract(oldest));
      recent_.pop_back();
    }
  }

  const std::uint64_t budget_;
  base::Stats& stats_;
  mutable std::mutex mutex_;
  std::condition_variable landed_;
  std::map<Key, std::shared_ptr<Flight>> flights_;
  std::map<Key, Kept> kept_;
  std::list<Key> recent_;  // most recently used first
  std::uint64_t bytes_ = 0;
};

}  // namespace penstock::storage
