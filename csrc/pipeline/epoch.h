#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/memory_budget.h"
#include "base/ordered_results.h"
#include "base/thread_pool.h"
#include "base/trace.h"
#include "base/turnstile.h"
#include "batch/batch.h"
#include "pipeline/fetch_group.h"
#include "pipeline/held_chunks.h"
#include "pipeline/order.h"
#include "pipeline/read_schedule.h"
#include "pipeline/recipe.h"
#include "pipeline/resources.h"
#include "pipeline/stuck.h"

namespace penstock::pipeline {

struct Job;

/// One pass over a planned order: hands out its batches in that order, each once, while the following ones are under
/// way. A batch goes through five stages, each begun by the last task of the one before: fetch (a request for each
/// chunk or range, nobody waits), geometry (what the recipe decides; back to fetch for what takes the place of rejected
/// samples), lay out (shapes are known, memory is taken), decode (one task for each sample, straight into the slab),
/// ready. Where the loader's memory is limited, batches take theirs in the order of the plan, and wait for it; the one
/// that a consumer waits for in next() gets it in any case. All but fetch goes on on the decoding threads. What
/// `prefetch` counts are the batches that are past fetch, or may be; others are fetched ahead of them, as long as that
/// takes no more than `read_ahead_bytes`. Whatever is thrown on the way, memory that runs out included, ends the batch,
/// and next() throws it in its turn.
class Epoch : public std::enable_shared_from_this<Epoch> {
 public:
  /// What `resources` refers to outlives the epoch. `turn`: how many epochs of the loader were started before.
  /// `before`: an epoch that this one follows, if any. Until next() is called, this one then works with what that one
  /// leaves: of `prefetch`, of what is read ahead, and of the threads.
  Epoch(const Resources& resources, Order order, std::vector<std::size_t> batch_ends, ReadSchedule schedule,
        Randomness random, std::uint64_t turn = 0, std::shared_ptr<Epoch> before = nullptr);
  ~Epoch() = default;
  Epoch(const Epoch&) = delete;
  Epoch& operator=(const Epoch&) = delete;

  /// Batches that may be under way or ready, beside the one the consumer has.
  std::size_t prefetch() const { return prefetch_; }

  /// Called once, by the loader.
  void start();
  /// Another one was started that follows this one: it is told when this one leaves more to it.
  void followed_by(const std::shared_ptr<Epoch>& follower);

  /// The next batch, or nothing at the end. Blocks; `interrupted` is called whenever a signal comes and may throw to
  /// end the wait (the epoch goes on unharmed). Throws the error of the first bad sample when its batch's turn comes,
  /// after which the epoch is over.
  std::optional<batch::Batch> next(const std::function<void()>& interrupted);

  /// Called by the loader when memory has come free, where it is limited.
  void use_free_memory() noexcept;

  /// What the batch that comes next is waiting for, for somebody who has waited too long.
  Stuck stuck() const;

  /// Ends the epoch: work not begun is skipped, batches that are ready are dropped, a waiting next() throws kClosed.
  /// Idempotent, safe from any thread.
  void close() noexcept;

 private:
  std::optional<batch::Batch> wait(const std::function<void()>& interrupted);
  void count_handed_out(const batch::Batch& batch) noexcept;

  using JobPointer = std::shared_ptr<Job>;
  /// Begins a stage, or ends it. It may throw until it has spread its tasks.
  using Stage = void (Epoch::*)(const JobPointer&);
  /// A task of a stage, by its number. What it throws ends the batch.
  using Task = void (Epoch::*)(Job&, std::size_t);

  /// Begins all that may be begun now.
  void schedule() noexcept;
  void schedule_follower() noexcept;
  /// The consumer has come: what this epoch does is no longer done for later.
  void begin_in_earnest() noexcept;
  /// What an epoch leaves to one that follows it: how many batches of `prefetch`, how many bytes of those ahead.
  std::size_t batches_left() const noexcept;
  std::uint64_t bytes_ahead_left() noexcept;
  /// Lets one more batch go past fetch; false where that is not to be.
  bool admit_next() noexcept;
  /// Fetches one more batch ahead of its time; false where that is not to be.
  bool fetch_next_ahead() noexcept;
  /// Whether storage may be asked for so many bytes more.
  bool has_room_to_fetch(std::uint64_t bytes) const noexcept;
  /// Lets batches that wait for memory have it, as far as there is some.
  void hand_out_memory() noexcept;
  JobPointer make_job(std::size_t number) const;
  void begin(const JobPointer& job, Stage stage) noexcept;
  /// Begins a stage on a decoding thread.
  void hand_on(const JobPointer& job, Stage stage) noexcept;
  /// Runs `count` tasks on threads of the pool, and `then` after the last of them.
  void spread(const JobPointer& job, base::ThreadPool& pool, std::size_t count, Task task, Stage then) noexcept;
  void run_task(const JobPointer& job, std::size_t number, Task task, Stage then) noexcept;
  void end_tasks(const JobPointer& job, std::size_t count, Stage then) noexcept;
  /// How many samples of the batch are worth going on with.
  std::size_t sound_samples(const Job& job) const;

  /// Begins to fetch the job's reads that have not been.
  void begin_fetch(const JobPointer& job);
  void fetch(const JobPointer& job, std::size_t number) noexcept;
  void end_group(const JobPointer& job, std::size_t number) noexcept;
  void end_fetch(const JobPointer& job) noexcept;
  /// What a job has asked of storage and not got, as an error names it.
  std::vector<std::string> outstanding(const Job& job) const;
  /// Opens one of a batch's two gates; it goes on when both are open.
  enum class Gate { kFetched, kAdmitted };
  void open_gate(const JobPointer& job, Gate gate) noexcept;
  void begin_geometry(const JobPointer& job);
  void plan(Job& job, std::size_t number);
  void plan_sample(Job& job, std::size_t number);
  void end_geometry(const JobPointer& job);
  void lay_out(const JobPointer& job);
  bool takes_memory(std::size_t number, Job& job) noexcept;
  void furnish(const JobPointer& job);
  void decode(Job& job, std::size_t position);
  void finish(const JobPointer& job) noexcept;

  /// Of a batch, beginning now.
  base::trace::Event event(base::trace::Name name, std::size_t batch) const noexcept;
  void trace_fetched(const Job& job, const FetchGroup& group) const noexcept;

  const Resources& resources_;
  const Order order_;
  const std::vector<std::size_t> batch_ends_;
  const ReadSchedule schedule_;
  const Randomness random_;
  const std::uint64_t turn_;
  const std::size_t prefetch_;
  HeldChunks held_;
  base::OrderedResults<batch::Batch> results_;
  base::Turnstile<JobPointer> want_memory_;
  static constexpr std::size_t kNothing = ~std::size_t{0};
  std::atomic<std::size_t> wanted_{kNothing};  ///< the batch that somebody waits for in next()
  std::atomic<bool> early_;  ///< nobody has called next(), and the epoch before may still be under way
  mutable std::mutex scheduling_;
  std::vector<std::weak_ptr<const Job>> admitted_;  ///< by number, modulo `prefetch`
  std::shared_ptr<Epoch> before_;
  std::weak_ptr<Epoch> follower_;
  std::size_t begun_ = 0;                ///< batches
  std::list<JobPointer> ahead_;          ///< begun and not admitted, in order
  std::uint64_t bytes_ahead_ = 0;        ///< that these are the first to need
  base::MemoryBudget::Hold handed_out_;  ///< the latest batch, of memory that Python may hold and the core lets go of
};

}  // namespace penstock::pipeline
