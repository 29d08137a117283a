#include "base/interruptible_semaphore.h"

#include <cerrno>
#include <ctime>
#include <system_error>

namespace penstock::base {

InterruptibleSemaphore::InterruptibleSemaphore() {
  if (sem_init(&semaphore_, 0, 0) != 0) throw std::system_error(errno, std::generic_category(), "sem_init");
}

InterruptibleSemaphore::~InterruptibleSemaphore() { sem_destroy(&semaphore_); }

void InterruptibleSemaphore::post() noexcept { sem_post(&semaphore_); }

bool InterruptibleSemaphore::wait() {
  // A signal that arrives after the caller's last check and before the call below would be slept through. The
  // deadline bounds that gap; in every other case a post or the signal itself ends the wait.
  timespec deadline{};
  clock_gettime(CLOCK_REALTIME, &deadline);
  deadline.tv_nsec += 100'000'000;
  if (deadline.tv_nsec >= 1'000'000'000) {
    deadline.tv_nsec -= 1'000'000'000;
    ++deadline.tv_sec;
  }
  if (sem_timedwait(&semaphore_, &deadline) == 0) return true;
  if (errno == EINTR || errno == ETIMEDOUT) return false;
  throw std::system_error(errno, std::generic_category(), "sem_timedwait");
}

}  // namespace penstock::base
