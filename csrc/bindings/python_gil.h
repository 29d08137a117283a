#pragma once

#include <pybind11/pybind11.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include "base/thread_pool.h"

/// Note [The interpreter's end]: while Python ends, a thread that wants the GIL is ended by Python: 3.11 unwinds its
/// stack, through destructors that need the GIL and past `catch (...)`, which ends the process. So
/// 1. the module's exit handler stops all live handles first, and waits a bounded time for their threads;
/// 2. a thread that comes for the GIL later is refused (GilAcquire);
/// 3. a thread that is within Python by then and waits for the GIL sleeps for ever once Python unwinds it (or_park).
namespace penstock::bindings {

/// Calls into Python's C interface, with nothing that has a destructor inside. Python's unwinding of the thread ends
/// here: see Note [The interpreter's end].
template <class Call>
[[gnu::noinline]] auto or_park(Call call) {
  struct Park {
    bool armed = true;
    ~Park() {
      while (armed) pause();
    }
  } park;
  auto result = call();
  park.armed = false;
  return result;
}

/// Holds the GIL, which the thread may have already. Error kClosed where the interpreter is ending or has ended.
class GilAcquire {
 public:
  GilAcquire();
  ~GilAcquire();
  GilAcquire(const GilAcquire&) = delete;
  GilAcquire& operator=(const GilAcquire&) = delete;

  /// Whether a thread may come for the GIL; an answer of a moment.
  static bool possible() noexcept;

 private:
  bool entered_ = false;
  std::int64_t held_since_ = 0;  ///< where that is traced
  PyGILState_STATE state_{};
};

/// Releases the GIL, which the thread holds.
class GilRelease {
 public:
  GilRelease() : state_(PyEval_SaveThread()) {}
  ~GilRelease() {
    or_park([this] {
      PyEval_RestoreThread(state_);
      return 0;
    });
  }
  GilRelease(const GilRelease&) = delete;
  GilRelease& operator=(const GilRelease&) = delete;

 private:
  PyThreadState* state_;
};

/// Calls without the GIL, whether the thread holds it or not.
template <class Call>
void without_gil(Call call) {
  if (Py_IsInitialized() && PyGILState_Check()) {
    const GilRelease release;
    call();
  } else {
    call();
  }
}

/// Leaves what a forked child has a copy of alone: a thread that the child lacks may have held its locks.
template <class Held>
void never_free(std::shared_ptr<Held>& held) {
  new std::shared_ptr<Held>(std::move(held));
}

/// callable(*arguments). The GIL is held.
pybind11::object call_python(const pybind11::object& callable, const pybind11::tuple& arguments);
/// object.name. The GIL is held.
pybind11::object attribute_of(const pybind11::object& object, const char* name);

/// What the exit handler does with something that has threads.
struct Stoppable {
  std::function<void()> begin_stop;
  std::function<void(base::Deadline)> stop;
};

/// Keeps `stoppable` for the exit handler until forget_live(). The GIL is not held.
std::size_t remember_live(Stoppable stoppable);
void forget_live(std::size_t number) noexcept;

void register_exit(pybind11::module_& module);

}  // namespace penstock::bindings
