#include "bindings/python_gil.h"

#include <pthread.h>

#include <condition_variable>
#include <map>
#include <mutex>
#include <vector>

#include "base/error.h"
#include "base/trace.h"

namespace py = pybind11;

namespace penstock::bindings {
namespace {

/// For threads that are within Python to come out of it, once all handles have been stopped.
constexpr std::chrono::milliseconds kForThreadsInside{200};

struct Gate {
  std::mutex mutex;
  std::condition_variable left;
  std::size_t inside = 0;  // threads that hold the GIL for the core, or wait for it
  bool ended = false;
  std::size_t next_number = 0;
  std::map<std::size_t, Stoppable> live;
};

/// Never freed: threads may come when all else is gone. A forked child, whose copy may be locked by a thread that it
/// lacks, has one of its own.
Gate* gate = new Gate;

void enter() {
  const std::lock_guard lock(gate->mutex);
  if (gate->ended || !Py_IsInitialized()) {
    throw base::Error(base::ErrorKind::kClosed, "the interpreter has ended");
  }
  ++gate->inside;
}

void leave() noexcept {
  {
    const std::lock_guard lock(gate->mutex);
    if (gate->inside > 0) --gate->inside;  // in a forked child, nobody has entered
  }
  gate->left.notify_all();
}

/// Runs before Python ends; see Note [The interpreter's end].
void end_python_use() {
  const GilRelease release;
  std::vector<Stoppable> live;
  {
    const std::lock_guard lock(gate->mutex);
    for (const auto& [number, stoppable] : gate->live) live.push_back(stoppable);
  }
  const base::Deadline deadline = std::chrono::steady_clock::now() + base::kPatience;
  for (const Stoppable& one : live) one.begin_stop();
  for (const Stoppable& one : live) one.stop(deadline);
  std::unique_lock lock(gate->mutex);
  gate->ended = true;
  gate->left.wait_for(lock, kForThreadsInside, [] { return gate->inside == 0; });
}

}  // namespace

GilAcquire::GilAcquire() {
  if (Py_IsInitialized() && PyGILState_Check()) {
    state_ = PyGILState_Ensure();
    return;
  }
  enter();
  entered_ = true;
  const std::int64_t asked = base::trace::on() ? base::trace::now() : 0;
  state_ = or_park([] { return PyGILState_Ensure(); });
  if (asked == 0) return;
  held_since_ = base::trace::now();
  base::trace::write({.name = base::trace::Name::kGilWait, .start = asked, .duration = held_since_ - asked});
}

GilAcquire::~GilAcquire() {
  PyGILState_Release(state_);
  if (held_since_ != 0) {
    base::trace::write(
        {.name = base::trace::Name::kGilHeld, .start = held_since_, .duration = base::trace::now() - held_since_});
  }
  if (entered_) leave();
}

bool GilAcquire::possible() noexcept {
  if (!Py_IsInitialized()) return false;
  if (PyGILState_Check()) return true;
  const std::lock_guard lock(gate->mutex);
  return !gate->ended;
}

py::object call_python(const py::object& callable, const py::tuple& arguments) {
  PyObject* result = or_park([&] { return PyObject_CallObject(callable.ptr(), arguments.ptr()); });
  if (result == nullptr) throw py::error_already_set();
  return py::reinterpret_steal<py::object>(result);
}

py::object attribute_of(const py::object& object, const char* name) {
  PyObject* result = or_park([&] { return PyObject_GetAttrString(object.ptr(), name); });
  if (result == nullptr) throw py::error_already_set();
  return py::reinterpret_steal<py::object>(result);
}

std::size_t remember_live(Stoppable stoppable) {
  const std::lock_guard lock(gate->mutex);
  if (gate->ended) throw base::Error(base::ErrorKind::kClosed, "the interpreter has ended");
  const std::size_t number = gate->next_number++;
  gate->live.emplace(number, std::move(stoppable));
  return number;
}

void forget_live(std::size_t number) noexcept {
  Stoppable forgotten;  // dies outside the lock
  const std::lock_guard lock(gate->mutex);
  if (const auto found = gate->live.find(number); found != gate->live.end()) {
    forgotten = std::move(found->second);
    gate->live.erase(found);
  }
}

void register_exit(py::module_& /*module*/) {
  pthread_atfork(nullptr, nullptr, [] { gate = new Gate; });
  py::module_::import("atexit").attr("register")(py::cpp_function(&end_python_use));
}

}  // namespace penstock::bindings
