#include "base/thread_pool.h"

#include <pthread.h>
#include <signal.h>

#include <utility>

namespace penstock::base {
namespace {

/// Blocks every signal in the calling thread for the object's life; threads started meanwhile inherit that.
class BlockSignals {
 public:
  BlockSignals() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~BlockSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  BlockSignals(const BlockSignals&) = delete;
  BlockSignals& operator=(const BlockSignals&) = delete;

 private:
  sigset_t before_;
};

thread_local bool is_pool_thread = false;

}  // namespace

ThreadPool::ThreadPool(const std::string& name, unsigned threads) {
  const BlockSignals block;
  threads_.reserve(threads);
  try {
    for (unsigned i = 0; i < threads; ++i) {
      threads_.emplace_back([this] { run(); });
      const std::string thread_name = (name + "-" + std::to_string(i)).substr(0, 15);
      pthread_setname_np(threads_.back().native_handle(), thread_name.c_str());
    }
  } catch (...) {
    stop();
    throw;
  }
}

ThreadPool::~ThreadPool() { stop(); }

void ThreadPool::submit(std::function<void()> task) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    tasks_.push_back(std::move(task));
  }
  wake_.notify_one();
}

void ThreadPool::stop() noexcept {
  std::deque<std::function<void()>> dropped;  // destroyed outside the lock: a task may own much
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    dropped.swap(tasks_);
  }
  wake_.notify_all();
  const std::lock_guard joining(join_mutex_);
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

bool ThreadPool::on_pool_thread() { return is_pool_thread; }

void ThreadPool::run() {
  is_pool_thread = true;
  for (;;) {
    std::function<void()> task;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !tasks_.empty(); });
      if (stopping_) return;
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    task();
  }
}

}  // namespace penstock::base
