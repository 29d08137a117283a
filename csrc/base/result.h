#pragma once

#include <exception>
#include <utility>
#include <variant>

#include "base/error.h"

namespace penstock::base {

/// A value, or the exception that came in its place.
template <class T>
class Result {
 public:
  Result(T value) : held_(std::in_place_index<0>, std::move(value)) {}                   // NOLINT: a value is a result
  Result(std::exception_ptr error) : held_(std::in_place_index<1>, std::move(error)) {}  // NOLINT

  /// What `make` returns or throws.
  template <class Make>
  static Result of(Make&& make) noexcept {
    try {
      return Result(make());
    } catch (...) {
      return Result(std::current_exception());
    }
  }

  bool sound() const { return held_.index() == 0; }
  /// The exception, a base::Error as a copy; null where there is a value.
  std::exception_ptr error() const noexcept {
    if (sound()) return nullptr;
    try {
      rethrow();
    } catch (...) {
      return std::current_exception();
    }
  }

  /// The value. Throws what stands in its place: a base::Error as a copy, since several may wait for one result, on
  /// several threads, and each of them adds to its own.
  T take() {
    if (!sound()) rethrow();
    return std::move(std::get<0>(held_));
  }
  const T& value() const {
    if (!sound()) rethrow();
    return std::get<0>(held_);
  }

 private:
  [[noreturn]] void rethrow() const {
    try {
      std::rethrow_exception(std::get<1>(held_));
    } catch (const Error& error) {
      throw Error(error);
    }
  }

  std::variant<T, std::exception_ptr> held_;
};

}  // namespace penstock::base
