#pragma once

#include <atomic>
#include <exception>
#include <functional>
#include <memory>
#include <utility>

#include "base/error.h"
#include "base/result.h"

namespace penstock::base {

/// Somebody waits for a result, and gets one whatever happens: the first that is given, or kClosed where all who could
/// have given one have let go of it. Copies are the same answer. Thread-safe.
template <class T>
class Answer {
 public:
  /// Called once, on whatever thread; it must not throw.
  using Call = std::function<void(Result<T>)>;

  explicit Answer(Call call) : state_(std::make_shared<State>(std::move(call))) {}

  void give(Result<T> result) const noexcept { state_->give(std::move(result)); }
  void fail(std::exception_ptr error) const noexcept { give(Result<T>(std::move(error))); }

 private:
  class State {
   public:
    explicit State(Call call) : call_(std::move(call)) {}
    ~State() {
      if (!given_) give(closed());
    }
    State(const State&) = delete;
    State& operator=(const State&) = delete;

    void give(Result<T> result) noexcept {
      if (given_.exchange(true)) return;
      const Call call = std::move(call_);  // what it holds goes with it
      call(std::move(result));
    }

   private:
    static std::exception_ptr closed() noexcept {
      try {
        return std::make_exception_ptr(Error(ErrorKind::kClosed, "what was asked for is no longer wanted"));
      } catch (...) {
        return std::current_exception();
      }
    }

    std::atomic<bool> given_{false};
    Call call_;
  };

  std::shared_ptr<State> state_;
};

}  // namespace penstock::base
