#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace penstock::base {

/// Named threads that run tasks in the order of submission. Tasks must not throw. The pool does not bound its queue:
/// what submits to it does (an epoch keeps a fixed number of batches in flight).
class ThreadPool {
 public:
  /// Threads are called `name`-0, `name`-1, ... (cut to 15 characters) and take no signals, so that a signal
  /// reaches a thread that can answer it.
  ThreadPool(const std::string& name, unsigned threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  /// Dropped without being run once stop() has begun.
  void submit(std::function<void()> task);

  /// Drops queued tasks, waits for the running ones and joins. Idempotent, from any thread but the pool's own.
  void stop() noexcept;

  /// Whether the calling thread belongs to a pool, which it could then not join.
  static bool on_pool_thread();

  unsigned size() const { return static_cast<unsigned>(threads_.size()); }

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> tasks_;
  bool stopping_ = false;
  std::mutex join_mutex_;  // a second stop() waits for the first
  std::vector<std::thread> threads_;
};

}  // namespace penstock::base
