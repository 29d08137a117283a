#pragma once

#include <atomic>
#include <compare>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "base/interruptible_semaphore.h"
#include "batch/batch.h"
#include "pipeline/fetch.h"
#include "pipeline/plan.h"
#include "pipeline/slots.h"

namespace penstock::pipeline {

class Loader;

/// One pass over a planned order: hands out its batches in that order, each once, while the following ones are under
/// way. A batch goes through four stages, each begun by the last task of the one before: fetch (one task for each
/// chunk, I/O threads), lay out (shapes are known, memory is taken), decode (one task for each sample, decode
/// threads, straight into the slab), ready.
class Epoch : public std::enable_shared_from_this<Epoch> {
 public:
  Epoch(Loader& loader, std::vector<std::int64_t> order, std::vector<std::size_t> batch_ends, ReadPlan plan);
  ~Epoch() = default;
  Epoch(const Epoch&) = delete;
  Epoch& operator=(const Epoch&) = delete;

  /// Called once, by the loader.
  void start();

  /// The next batch, or nothing at the end. Blocks; `interrupted` is called whenever a signal comes and may throw to
  /// end the wait (the epoch goes on unharmed). Throws the error of the first bad sample when its batch's turn comes,
  /// after which the epoch is over.
  std::optional<batch::Batch> next(const std::function<void()>& interrupted);

  /// Ends the epoch: work not begun is skipped, batches that are ready are dropped, a waiting next() throws kClosed.
  /// Idempotent, safe from any thread.
  void close() noexcept;

 private:
  /// One tensor of one sample of a batch; of a sequence, one item of it.
  struct Place {
    std::size_t position = 0;
    std::size_t tensor = 0;
    std::size_t item = 0;
    auto operator<=>(const Place&) const = default;
  };
  /// A batch under way.
  struct Job {
    std::size_t number = 0;
    batch::Batch batch;
    std::vector<Slots> slots;                         // by tensor
    std::vector<std::vector<FetchedSample>> fetched;  // by tensor, by slot
    std::atomic<std::size_t> pending{0};              // tasks left of the current stage
    std::mutex error_mutex;
    Place error_place;
    std::exception_ptr error;

    /// Keeps the error of the first place, so that which one is reported does not depend on timing.
    void fail(Place place, std::exception_ptr cause);
    /// How many samples come before the first that failed; all of them where none did.
    std::size_t sound_samples();
    std::size_t slot_of(Place place) const { return slots[place.tensor].begin(place.position) + place.item; }
    Place place_of(std::size_t tensor, std::size_t slot) const;
  };
  using JobPointer = std::shared_ptr<Job>;
  /// Items of a batch that lie in one chunk; those in tiles are with their first.
  struct Group {
    std::size_t tensor = 0;
    bool whole = false;
    std::vector<std::size_t> slots;
  };

  void schedule_next();
  std::vector<Group> group_by_chunk(const Job& job) const;
  void fetch(const JobPointer& job, const Group& group);
  void lay_out(const JobPointer& job);
  void take_memory(Job& job);
  void decode(const JobPointer& job, std::size_t position);
  void decode_tensor(Job& job, Place place);
  void finish(const JobPointer& job);
  /// Runs one step of a sample; its error is kept, with its place.
  template <class Step>
  void attempt(Job& job, Place place, Step step);

  Loader& loader_;
  const std::vector<std::int64_t> order_;
  const std::vector<std::size_t> batch_ends_;
  const ReadPlan plan_;
  std::atomic<bool> closed_{false};
  base::InterruptibleSemaphore ready_posted_;
  std::mutex mutex_;
  std::size_t scheduled_ = 0;
  std::size_t delivered_ = 0;
  std::map<std::size_t, JobPointer> ready_;
};

}  // namespace penstock::pipeline
