#pragma once

#include <cstddef>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace penstock::base {

/// Lets items through in the order of their numbers, which are those from 0 on, each when it is admitted. Between the
/// number whose turn it is and the largest that has come are fewer than `most` at any time, so nothing here takes
/// memory or can fail. Thread-safe.
template <class T>
class Turnstile {
 public:
  explicit Turnstile(std::size_t most) : places_(most) {}

  /// An item has come.
  void arrive(std::size_t number, T item) noexcept {
    const std::lock_guard lock(mutex_);
    place(number).item.emplace(std::move(item));
  }
  /// An item will not come.
  void skip(std::size_t number) noexcept {
    const std::lock_guard lock(mutex_);
    place(number).skipped = true;
  }

  /// The item whose turn it is, where it has come and `admit(number, item)` says so, under a lock.
  template <class Admit>
  std::optional<T> pass(Admit admit) {
    const std::lock_guard lock(mutex_);
    for (; place(next_).skipped; ++next_) place(next_).skipped = false;
    std::optional<T>& item = place(next_).item;
    if (!item || !admit(next_, *item)) return std::nullopt;
    ++next_;
    return std::exchange(item, std::nullopt);
  }

 private:
  struct Place {
    std::optional<T> item;
    bool skipped = false;
  };
  Place& place(std::size_t number) { return places_[number % places_.size()]; }

  std::mutex mutex_;
  std::size_t next_ = 0;
  std::vector<Place> places_;  ///< by number, modulo their count
};

}  // namespace penstock::base
