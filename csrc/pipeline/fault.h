#pragma once

#include <compare>
#include <cstddef>
#include <exception>
#include <mutex>
#include <utility>

namespace penstock::pipeline {

/// What of a batch an error concerns: one tensor of a read that was taken up for a position, which may be a sample that
/// is mixed in or that stands in for a rejected one; of a sequence, one item of it.
struct FaultPlace {
  std::size_t position = 0;
  std::size_t read = 0;
  std::size_t tensor = 0;
  std::size_t item = 0;
  auto operator<=>(const FaultPlace&) const = default;
};

/// What went wrong with a batch: the error of the first place is kept, so that which one is reported does not depend on
/// timing. Thread-safe.
class Faults {
 public:
  void keep(FaultPlace place, std::exception_ptr error) noexcept {
    const std::lock_guard lock(mutex_);
    if (error_ != nullptr && place_ <= place) return;
    error_ = std::move(error);
    place_ = place;
  }

  /// Keeps what a step throws.
  template <class Step>
  void attempt(FaultPlace place, Step step) noexcept {
    try {
      step();
    } catch (...) {
      keep(place, std::current_exception());
    }
  }

  /// How many of a batch's samples come before the first that failed; all of them where none did.
  std::size_t sound(std::size_t samples) const {
    const std::lock_guard lock(mutex_);
    return error_ == nullptr ? samples : place_.position;
  }

  /// Hands over the error that was kept; null where none was. It lives on with the consumer alone: the last thread that
  /// worked on the batch may be about to let go of these.
  std::exception_ptr take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(error_, nullptr);
  }

 private:
  mutable std::mutex mutex_;
  FaultPlace place_;
  std::exception_ptr error_;
};

}  // namespace penstock::pipeline
