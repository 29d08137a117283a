#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace penstock::base {

using Deadline = std::chrono::steady_clock::time_point;

/// How long closing something waits for its threads: a read may never return, and closing has to.
inline constexpr std::chrono::milliseconds kPatience{750};

/// Named threads that run tasks in the order of submission, the urgent ones first. Tasks must not throw. The pool does
/// not bound its queue: what submits to it does (an epoch keeps a fixed number of batches in flight).
class ThreadPool {
 public:
  /// Threads are called `name`-0, `name`-1, ... (cut to 15 characters) and take no signals but those of their own
  /// faults, so that a signal reaches a thread that can answer it. Error kThreads where the system does not give as
  /// many; `option` is what the user sets to have fewer.
  ThreadPool(const std::string& name, unsigned threads, const std::string& option = "num_threads");
  /// Waits for the running tasks, however long they take: what they use may die next. See abandon().
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  /// Which tasks go first: what others wait for; what is done in order; what nobody wants yet.
  enum class Turn { kUrgent, kInOrder, kLast };

  /// Dropped without being run once begin_stop() was called.
  void submit(std::function<void()> task, Turn turn = Turn::kInOrder);

  /// What nobody wanted yet is wanted now: those tasks follow the ones that are done in order.
  void promote_last() noexcept;

  /// Drops queued tasks and lets each thread end after the task that it runs. Idempotent, from any thread.
  void begin_stop() noexcept;

  /// begin_stop(), then waits for the threads and joins them; not for those that were abandoned. False where some still
  /// run at the deadline. Idempotent, from any thread but the pool's own.
  bool stop(Deadline deadline = Deadline::max()) noexcept;

  /// begin_stop(), then leaves the threads to themselves. `owner`, which holds the pool and all that its tasks use,
  /// lives until the last of them has ended. From any thread, the pool's own too.
  void abandon(std::shared_ptr<const void> owner) noexcept;

  /// Whether the calling thread belongs to a pool, which it could then not join.
  static bool on_pool_thread();

  unsigned size() const { return size_; }

 private:
  /// What threads use, which may outlive the pool.
  struct State {
    std::mutex mutex;
    std::condition_variable wake;
    std::condition_variable ended;
    using Tasks = std::list<std::function<void()>>;
    Tasks urgent;
    Tasks in_order;
    Tasks last;
    bool stopping = false;
    unsigned running = 0;
    std::shared_ptr<const void> owner;

    /// Where the next task is; null where there is none.
    Tasks* next_tasks();
  };

  static void run(const std::shared_ptr<State>& state);
  void start(const std::string& name, unsigned threads);

  std::shared_ptr<State> state_ = std::make_shared<State>();
  unsigned size_ = 0;
  std::mutex join_mutex_;  // a second stop() waits for the first
  std::vector<std::thread> threads_;
};

}  // namespace penstock::base
