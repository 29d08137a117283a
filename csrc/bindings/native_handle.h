#pragma once

#include <unistd.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/thread_pool.h"
#include "bindings/python_gil.h"

namespace penstock::bindings {

/// Something of the core that has threads, as Python holds it. `Core` has begin_stop(), stop(deadline) and
/// abandon(owner), as base::ThreadPool has them.
///
/// - Ending it waits for its threads no longer than base::kPatience: after that they are left to themselves, and own
///   what they use.
/// - So are they where the garbage collector ends it on a thread of a pool, which cannot wait for itself.
/// - A forked child, which has a copy of the object and none of its threads, leaves it alone.
/// - The interpreter's exit stops all that are alive: see Note [The interpreter's end].
template <class Core>
class NativeHandle {
 public:
  /// The GIL is not held.
  explicit NativeHandle(std::shared_ptr<Core> core) : owner_(getpid()), core_(std::move(core)) {
    const std::weak_ptr<Core> weak = core_;
    number_ = remember_live({[weak] {
                               if (const auto live = weak.lock()) live->begin_stop();
                             },
                             [weak](base::Deadline deadline) {
                               if (const auto live = weak.lock(); live && !live->stop(deadline)) live->abandon(live);
                             }});
  }

  ~NativeHandle() {
    if (getpid() != owner_) {
      never_free(core_);
      return;
    }
    without_gil([this] { end(); });  // its threads may be waiting for the GIL
  }
  NativeHandle(const NativeHandle&) = delete;
  NativeHandle& operator=(const NativeHandle&) = delete;

  /// Error kClosed in a forked child: a thread that it lacks may have held a lock.
  Core& core() const {
    if (getpid() != owner_) {
      throw base::Error(base::ErrorKind::kClosed, "the loader belongs to process " + std::to_string(owner_),
                        "Make a loader in the forked process");
    }
    return *core_;
  }

  void begin_stop() noexcept {
    if (getpid() == owner_) core_->begin_stop();
  }

  /// The GIL is not held.
  void stop() noexcept {
    if (getpid() != owner_) return;
    if (base::ThreadPool::on_pool_thread()) {
      core_->begin_stop();
    } else if (!core_->stop(std::chrono::steady_clock::now() + base::kPatience)) {
      core_->abandon(core_);
    }
  }

 private:
  void end() noexcept {
    forget_live(number_);
    if (base::ThreadPool::on_pool_thread()) {
      core_->abandon(core_);
    } else {
      stop();
    }
    core_.reset();
  }

  pid_t owner_;
  std::shared_ptr<Core> core_;
  std::size_t number_ = 0;
};

}  // namespace penstock::bindings
