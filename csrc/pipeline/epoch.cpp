#include "pipeline/epoch.h"

#include <algorithm>
#include <exception>
#include <numeric>
#include <utility>

#include "base/stats.h"
#include "pipeline/job.h"

namespace penstock::pipeline {
namespace {

/// A batch that waits has its items' places in memory, however few bytes are to be read for it.
constexpr std::size_t kMostBatchesAhead = 1024;

/// How many batches hold `prefetch_samples` beside one of them, of such as there are on average; `prefetch` at least.
std::size_t batches_under_way(const Resources& resources, std::size_t samples, std::size_t batches) {
  if (samples == 0) return resources.prefetch;
  const std::size_t others = (resources.prefetch_samples * batches + samples - 1) / samples;
  return std::max<std::size_t>(resources.prefetch, 1 + others);
}

}  // namespace

Epoch::Epoch(const Resources& resources, Order order, std::vector<std::size_t> batch_ends, ReadSchedule schedule,
             Randomness random, std::uint64_t turn, std::shared_ptr<Epoch> before)
    : resources_(resources),
      order_(std::move(order)),
      batch_ends_(std::move(batch_ends)),
      schedule_(std::move(schedule)),
      random_(random),
      turn_(turn),
      prefetch_(batches_under_way(resources, order_.samples().size(), batch_ends_.size())),
      held_(schedule_, resources.fetcher),
      results_(batch_ends_.size(), prefetch_, base::AfterError::kEnd, "the loader is closed"),
      want_memory_(prefetch_),
      early_(before != nullptr),
      admitted_(prefetch_),
      before_(std::move(before)) {}

void Epoch::start() { schedule(); }

void Epoch::followed_by(const std::shared_ptr<Epoch>& follower) {
  const std::lock_guard lock(scheduling_);
  follower_ = follower;
}

std::optional<batch::Batch> Epoch::next(const std::function<void()>& interrupted) {
  base::trace::Span span(base::trace::Name::kWait);
  if (span.on()) span.event = event(base::trace::Name::kWait, results_.taken());
  const base::StageTimer timer(resources_.stats.wait_ns);
  if (early_) begin_in_earnest();
  std::optional<batch::Batch> batch;
  try {
    batch = wait(interrupted);
  } catch (...) {
    span.failed();
    throw;
  }
  if (span.on()) {
    span.event.bytes = resources_.budget.held();
    span.event.first = batch ? batch->indices.size() : 0;
  }
  if (batch) {
    ++resources_.stats.batches;
    resources_.stats.samples += batch->indices.size();
    count_handed_out(*batch);
    schedule();
    schedule_follower();
  }
  return batch;
}

void Epoch::begin_in_earnest() noexcept {
  if (!early_.exchange(false)) return;
  std::shared_ptr<Epoch> before;  // freed outside the lock
  {
    const std::lock_guard lock(scheduling_);
    before.swap(before_);
  }
  resources_.decode_threads.promote_last();
  schedule();
}

std::optional<batch::Batch> Epoch::wait(const std::function<void()>& interrupted) {
  if (!resources_.memory.limited()) return results_.take(interrupted);
  struct Wish {
    std::atomic<std::size_t>& number;
    ~Wish() { number = kNothing; }
  } const wish{wanted_};
  // Which one is wanted is said before and not when it has come: then it is the one before that was wanted.
  const auto want = [this] {
    wanted_ = results_.taken();
    hand_out_memory();
  };
  want();
  return results_.take([&] {
    interrupted();
    want();
  });
}

void Epoch::count_handed_out(const batch::Batch& batch) noexcept {
  if (resources_.memory.knows_what_is_in_use()) return;
  std::uint64_t bytes = 0;
  for (const batch::TensorBatch& tensor : batch.tensors) bytes += tensor.slab->capacity();
  base::MemoryBudget::Hold hold = resources_.budget.hold(base::MemoryBudget::Use::kBatches, bytes);
  const std::lock_guard lock(scheduling_);
  handed_out_ = std::move(hold);
}

void Epoch::close() noexcept {
  results_.close();
  std::list<JobPointer> dropped;  // freed outside the lock
  {
    const std::lock_guard lock(scheduling_);
    dropped.swap(ahead_);
    bytes_ahead_ = 0;
    handed_out_ = {};
  }
  held_.clear();
  hand_out_memory();  // who waits for it comes to its end
  resources_.memory.leave(turn_);
  schedule_follower();
}

void Epoch::schedule() noexcept {
  while (admit_next()) continue;
  while (fetch_next_ahead()) continue;
}

void Epoch::schedule_follower() noexcept {
  std::shared_ptr<Epoch> follower;
  {
    const std::lock_guard lock(scheduling_);
    follower = follower_.lock();
  }
  if (follower != nullptr) follower->schedule();
}

std::size_t Epoch::batches_left() const noexcept {
  if (results_.ended()) return prefetch_;
  return results_.all_begun() ? prefetch_ - results_.under_way() : 0;
}

std::uint64_t Epoch::bytes_ahead_left() noexcept {
  const std::lock_guard lock(scheduling_);
  if (results_.ended()) return resources_.read_ahead_bytes;
  return begun_ == batch_ends_.size() ? resources_.read_ahead_bytes - bytes_ahead_ : 0;
}

bool Epoch::admit_next() noexcept {
  JobPointer job;
  {
    const std::lock_guard lock(scheduling_);
    if (ahead_.empty() && results_.under_way() > 0 && begun_ < batch_ends_.size()) {
      const std::uint64_t bytes = schedule_.first_needed_by(begun_);
      resources_.fetcher.make_room(bytes);
      if (!has_room_to_fetch(bytes)) return false;
    }
    if (before_ != nullptr && results_.under_way() >= before_->batches_left()) return false;
    const std::optional<std::size_t> number = results_.begin();
    if (!number) return false;
    if (!ahead_.empty()) {
      job = std::move(ahead_.front());
      ahead_.pop_front();
      bytes_ahead_ -= schedule_.first_needed_by(*number);
    } else {
      ++begun_;
      try {
        job = make_job(*number);
      } catch (...) {
        results_.fail(*number, std::current_exception());
        return true;
      }
      hand_on(job, &Epoch::begin_fetch);
    }
    admitted_[*number % admitted_.size()] = job;
  }
  job->admitted = std::chrono::steady_clock::now();
  open_gate(job, Gate::kAdmitted);
  return true;
}

bool Epoch::fetch_next_ahead() noexcept {
  const std::lock_guard lock(scheduling_);
  if (begun_ == batch_ends_.size() || results_.ended()) return false;
  const std::uint64_t bytes = schedule_.first_needed_by(begun_);
  const std::uint64_t budget = before_ == nullptr ? resources_.read_ahead_bytes : before_->bytes_ahead_left();
  if (bytes_ahead_ + bytes > budget || ahead_.size() >= kMostBatchesAhead) return false;
  if (!has_room_to_fetch(bytes)) return false;
  try {
    // What fails here is tried again when the batch is admitted, and its error then has its turn.
    ahead_.push_back(make_job(begun_));
  } catch (...) {
    return false;
  }
  ++begun_;
  bytes_ahead_ += bytes;
  hand_on(ahead_.back(), &Epoch::begin_fetch);
  return true;
}

bool Epoch::has_room_to_fetch(std::uint64_t bytes) const noexcept {
  if (bytes == 0 || !resources_.budget.limited()) return true;
  resources_.budget.await();
  return resources_.budget.chunks_over(bytes) == 0;
}

void Epoch::use_free_memory() noexcept {
  hand_out_memory();
  schedule();
}

Epoch::JobPointer Epoch::make_job(std::size_t number) const {
  const std::size_t begin = number == 0 ? 0 : batch_ends_[number - 1];
  Wanted wanted(resources_.sources, order_.samples().subspan(begin, batch_ends_[number] - begin));
  std::unique_ptr<Planned> planned = resources_.recipe.expand(wanted, random_);
  auto job = std::make_shared<Job>(number, std::move(wanted), std::move(planned));
  job->unplanned.resize(batch_ends_[number] - begin);
  std::iota(job->unplanned.begin(), job->unplanned.end(), 0);
  job->coming = resources_.budget.hold(base::MemoryBudget::Use::kComing, schedule_.first_needed_by(number));
  return job;
}

}  // namespace penstock::pipeline
