#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "base/error.h"
#include "base/interruptible_semaphore.h"

namespace penstock::base {

/// Whether something is handed out after an error.
enum class AfterError { kEnd, kGoOn };

/// Results of work that ends in any order, handed out in the order in which it was begun. Never more than a fixed
/// number are begun and not handed out, so that putting one there needs no memory and cannot fail. Thread-safe.
template <class T>
class OrderedResults {
  static_assert(std::is_nothrow_move_constructible_v<T> && std::is_nothrow_move_assignable_v<T>);

 public:
  /// `count` results in all, `most_begun` at a time, which is positive. `closed` is what take() says when there was a
  /// close().
  OrderedResults(std::size_t count, std::size_t most_begun, AfterError after_error, std::string closed)
      : count_(count), after_error_(after_error), closed_message_(std::move(closed)), ring_(most_begun) {}
  OrderedResults(const OrderedResults&) = delete;
  OrderedResults& operator=(const OrderedResults&) = delete;

  /// Number of the result to begin next, of which one put() or fail() must follow. Nothing where all are begun, where
  /// as many as may be are not yet handed out, or where no more is wanted.
  std::optional<std::size_t> begin() noexcept {
    const std::lock_guard lock(mutex_);
    if (ended_ || begun_ == count_ || begun_ - taken_ == ring_.size()) return std::nullopt;
    return begun_++;
  }

  void put(std::size_t number, T result) noexcept { fill(number, Slot(std::move(result))); }
  /// An error in place of a result.
  void fail(std::size_t number, std::exception_ptr error) noexcept { fill(number, Slot(std::move(error))); }

  /// The next result, or nothing at the end. Blocks; `interrupted` is called whenever a signal comes and may throw to
  /// end the wait, without harm. Throws the error that stands in the result's place, and kClosed after close().
  std::optional<T> take(const std::function<void()>& interrupted) {
    for (;;) {
      if (std::optional<Slot> turn = take_turn()) {
        if (auto* error = std::get_if<std::exception_ptr>(&*turn)) std::rethrow_exception(std::move(*error));
        if (auto* result = std::get_if<T>(&*turn)) return std::move(*result);
        return std::nullopt;
      }
      if (!posted_.wait()) interrupted();
    }
  }

  /// Drops the results that are there and those that will come. Idempotent.
  void close() noexcept {
    std::vector<Slot> dropped;  // freed outside the lock
    {
      const std::lock_guard lock(mutex_);
      ended_ = true;
      dropped.swap(ring_);
    }
    posted_.post();
  }

  /// How many were handed out; whether all were begun; how many were begun and not handed out.
  std::size_t taken() const noexcept {
    const std::lock_guard lock(mutex_);
    return taken_;
  }
  bool all_begun() const noexcept {
    const std::lock_guard lock(mutex_);
    return begun_ == count_;
  }
  std::size_t under_way() const noexcept {
    const std::lock_guard lock(mutex_);
    return begun_ - std::min(begun_, taken_);
  }

  /// Whether nothing more is wanted: after close(), or after an error where that is the end.
  bool ended() const noexcept { return ended_; }

 private:
  /// Empty, a result, or an error in its place.
  using Slot = std::variant<std::monostate, T, std::exception_ptr>;

  void fill(std::size_t number, Slot slot) noexcept {
    {
      const std::lock_guard lock(mutex_);
      if (ended_) return;
      ring_[number % ring_.size()] = std::move(slot);
      if (number != taken_) return;  // nobody can do anything with it yet
    }
    posted_.post();
  }

  bool stands(std::size_t number) const {
    return !ring_.empty() && !std::holds_alternative<std::monostate>(ring_[number % ring_.size()]);
  }

  /// What to hand out now, an empty slot for the end; nothing where that is still to come.
  std::optional<Slot> take_turn() {
    std::vector<Slot> dropped;  // freed outside the lock
    const std::lock_guard lock(mutex_);
    // Whoever leaves wakes the next one that waits.
    if (taken_ == count_ || ended_) posted_.post();
    if (taken_ == count_) return Slot();
    if (ended_) throw Error(ErrorKind::kClosed, closed_message_);
    if (!stands(taken_)) return std::nullopt;
    Slot turn = std::exchange(ring_[taken_ % ring_.size()], Slot());
    ++taken_;
    if (after_error_ == AfterError::kEnd && std::holds_alternative<std::exception_ptr>(turn)) {
      taken_ = count_;
      ended_ = true;
      dropped.swap(ring_);
    }
    if (taken_ == count_ || stands(taken_)) posted_.post();
    return turn;
  }

  const std::size_t count_;
  const AfterError after_error_;
  const std::string closed_message_;
  InterruptibleSemaphore posted_;
  mutable std::mutex mutex_;
  std::size_t begun_ = 0;
  std::size_t taken_ = 0;
  std::atomic<bool> ended_{false};
  /// By number, modulo its length.
  std::vector<Slot> ring_;
};

}  // namespace penstock::base
