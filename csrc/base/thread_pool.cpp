#include "base/thread_pool.h"

#include <pthread.h>
#include <signal.h>

#include <exception>
#include <utility>

#include "base/error.h"

namespace penstock::base {
namespace {

/// Blocks signals in the calling thread for the object's life; threads started meanwhile inherit that. Those that a
/// thread's own fault raises stay: blocked, they end the process without a word from its handler (faulthandler).
class BlockSignals {
 public:
  BlockSignals() {
    sigset_t signals;
    sigfillset(&signals);
    for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS}) sigdelset(&signals, fault);
    pthread_sigmask(SIG_SETMASK, &signals, &before_);
  }
  ~BlockSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  BlockSignals(const BlockSignals&) = delete;
  BlockSignals& operator=(const BlockSignals&) = delete;

 private:
  sigset_t before_;
};

thread_local bool is_pool_thread = false;

}  // namespace

ThreadPool::ThreadPool(const std::string& name, unsigned threads, const std::string& option) {
  try {
    start(name, threads);
  } catch (const std::exception& error) {
    const std::size_t started = threads_.size();
    stop();
    throw Error(ErrorKind::kThreads,
                "the system gave " + std::to_string(started) + " of " + std::to_string(threads) + " threads (" +
                    error.what() + ")",
                "Lower " + option + ", or raise the limits on memory (ulimit -v) and processes (ulimit -u)");
  }
}

ThreadPool::~ThreadPool() { stop(); }

void ThreadPool::start(const std::string& name, unsigned threads) {
  const BlockSignals block;
  threads_.reserve(threads);
  for (unsigned i = 0; i < threads; ++i) {
    {
      const std::lock_guard lock(state_->mutex);
      ++state_->running;
    }
    try {
      threads_.emplace_back([state = state_] { run(state); });
    } catch (...) {
      const std::lock_guard lock(state_->mutex);
      --state_->running;
      throw;
    }
    const std::string thread_name = (name + "-" + std::to_string(i)).substr(0, 15);
    pthread_setname_np(threads_.back().native_handle(), thread_name.c_str());
  }
  size_ = threads;
}

void ThreadPool::submit(std::function<void()> task, Turn turn) {
  {
    const std::lock_guard lock(state_->mutex);
    if (state_->stopping) return;
    State::Tasks& tasks = turn == Turn::kUrgent    ? state_->urgent
                          : turn == Turn::kInOrder ? state_->in_order
                                                   : state_->last;
    tasks.push_back(std::move(task));
  }
  state_->wake.notify_one();
}

void ThreadPool::promote_last() noexcept {
  const std::lock_guard lock(state_->mutex);
  state_->in_order.splice(state_->in_order.end(), state_->last);
}

ThreadPool::State::Tasks* ThreadPool::State::next_tasks() {
  for (Tasks* tasks : {&urgent, &in_order, &last}) {
    if (!tasks->empty()) return tasks;
  }
  return nullptr;
}

void ThreadPool::begin_stop() noexcept {
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopping = true;
  }
  state_->wake.notify_all();
  // One by one, since another container would take memory, of which there may be none; outside the lock, since a task
  // may own much.
  for (;;) {
    std::function<void()> dropped;
    const std::lock_guard lock(state_->mutex);
    State::Tasks* const tasks = state_->next_tasks();
    if (tasks == nullptr) return;
    dropped.swap(tasks->front());
    tasks->pop_front();
  }
}

bool ThreadPool::stop(Deadline deadline) noexcept {
  begin_stop();
  {
    std::unique_lock lock(state_->mutex);
    // Threads that were left to themselves are nobody's to wait for.
    const auto nothing_to_wait_for = [this] { return state_->running == 0 || state_->owner != nullptr; };
    if (deadline == Deadline::max()) {
      state_->ended.wait(lock, nothing_to_wait_for);
    } else {
      state_->ended.wait_until(lock, deadline, nothing_to_wait_for);
      if (state_->running > 0) return false;
    }
  }
  const std::lock_guard joining(join_mutex_);
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  return true;
}

void ThreadPool::abandon(std::shared_ptr<const void> owner) noexcept {
  begin_stop();
  const std::lock_guard joining(join_mutex_);
  {
    const std::lock_guard lock(state_->mutex);
    if (state_->running > 0) state_->owner = std::move(owner);
  }
  for (std::thread& thread : threads_) thread.detach();
  threads_.clear();
  state_->ended.notify_all();
}

bool ThreadPool::on_pool_thread() { return is_pool_thread; }

void ThreadPool::run(const std::shared_ptr<State>& state) {
  is_pool_thread = true;
  std::shared_ptr<const void> owner;  // dies last, outside the lock: the pool may go with it
  std::unique_lock lock(state->mutex);
  for (;;) {
    state->wake.wait(lock, [&] { return state->stopping || state->next_tasks() != nullptr; });
    if (state->stopping) break;
    State::Tasks& tasks = *state->next_tasks();
    std::function<void()> task = std::move(tasks.front());
    tasks.pop_front();
    lock.unlock();
    task();
    task = nullptr;
    lock.lock();
  }
  if (--state->running == 0) owner = std::move(state->owner);
  state->ended.notify_all();
  lock.unlock();
}

}  // namespace penstock::base
