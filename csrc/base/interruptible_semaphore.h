#pragma once

#include <semaphore.h>

namespace penstock::base {

/// A counting semaphore whose wait returns when a signal handler has run in the waiting thread. A condition
/// variable would sleep on, and Ctrl-C would only be seen when the next batch is ready.
class InterruptibleSemaphore {
 public:
  InterruptibleSemaphore();
  ~InterruptibleSemaphore();
  InterruptibleSemaphore(const InterruptibleSemaphore&) = delete;
  InterruptibleSemaphore& operator=(const InterruptibleSemaphore&) = delete;

  void post() noexcept;

  /// True when a post was taken; false when a signal came in between, or after a tenth of a second without either.
  bool wait();

 private:
  sem_t semaphore_;
};

}  // namespace penstock::base
