#include "pipeline/epoch.h"

#include <atomic>
#include <chrono>
#include <exception>
#include <numeric>
#include <utility>

#include "base/stats.h"
#include "pipeline/fault.h"
#include "pipeline/fetch_group.h"
#include "pipeline/fetched.h"
#include "pipeline/wanted.h"

namespace penstock::pipeline {
namespace {

/// A batch that waits has its items' places in memory, however few bytes are to be read for it.
constexpr std::size_t kMostBatchesAhead = 1024;

}  // namespace

enum class At : std::uint8_t { kStorage, kGeometry, kMemory, kPixels };

/// A batch under way: what the stages have made of it so far, each from what the one before has made.
struct Epoch::Job {
  Job(std::size_t batch, Wanted wanted, std::unique_ptr<Planned> expanded)
      : number(batch), fetched(std::in_place, std::move(wanted)), planned(std::move(expanded)) {}

  const std::size_t number;
  Faults faults;
  std::optional<Fetched> fetched;
  std::unique_ptr<Planned> planned;
  LaidOut laid_out;
  base::MemoryBudget::Hold coming;  ///< what was asked of storage
  bool has_memory = false;          ///< or waits for it

  // Of the stage under way.
  std::atomic<At> at{At::kStorage};
  mutable std::mutex watched;  ///< while others may look: the two that follow
  std::vector<FetchGroup> groups;
  std::vector<bool> answered;    ///< which of these
  std::vector<ChunkPlace> used;  ///< chunks that this batch was planned to use
  std::atomic<int> gates{2};     ///< that are still shut
  std::chrono::steady_clock::time_point admitted = {};
  std::vector<std::size_t> unplanned;  ///< positions that this round of geometry is for
  std::vector<Verdict> verdicts;       ///< on these
  std::atomic<std::size_t> pending{0};
};

Epoch::Epoch(const Resources& resources, Order order, std::vector<std::size_t> batch_ends, ReadSchedule schedule,
             Randomness random, std::uint64_t turn, std::shared_ptr<Epoch> before)
    : resources_(resources),
      order_(std::move(order)),
      batch_ends_(std::move(batch_ends)),
      schedule_(std::move(schedule)),
      random_(random),
      turn_(turn),
      held_(schedule_, resources.fetcher),
      results_(batch_ends_.size(), resources.prefetch, base::AfterError::kEnd, "the loader is closed"),
      want_memory_(resources.prefetch),
      early_(before != nullptr),
      admitted_(resources.prefetch),
      before_(std::move(before)) {}

void Epoch::start() { schedule(); }

void Epoch::followed_by(const std::shared_ptr<Epoch>& follower) {
  const std::lock_guard lock(scheduling_);
  follower_ = follower;
}

std::optional<batch::Batch> Epoch::next(const std::function<void()>& interrupted) {
  const base::StageTimer timer(resources_.stats.wait_ns);
  if (early_) begin_in_earnest();
  std::optional<batch::Batch> batch = wait(interrupted);
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
  struct Waiting {
    std::atomic<int>& count;
    explicit Waiting(std::atomic<int>& counter) : count(counter) { ++count; }
    ~Waiting() { --count; }
  } const waiting(waiting_);
  hand_out_memory();
  return results_.take(interrupted);
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
  if (results_.ended()) return resources_.prefetch;
  return results_.all_begun() ? resources_.prefetch - results_.under_way() : 0;
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

void Epoch::begin(const JobPointer& job, Stage stage) noexcept {
  try {
    (this->*stage)(job);
  } catch (...) {
    job->faults.keep({}, std::current_exception());
    finish(job);
  }
}

void Epoch::hand_on(const JobPointer& job, Stage stage) noexcept {
  // Asking storage is little work, and what waits for the answers is nobody.
  const bool asks = stage == &Epoch::begin_fetch;
  try {
    resources_.decode_threads.submit([self = shared_from_this(), job, stage] { self->begin(job, stage); },
                                     early_ && !asks ? base::ThreadPool::Turn::kLast : base::ThreadPool::Turn::kUrgent);
  } catch (...) {
    job->faults.keep({}, std::current_exception());
    if (asks) {
      open_gate(job, Gate::kFetched);
    } else {
      finish(job);
    }
  }
}

void Epoch::spread(const JobPointer& job, base::ThreadPool& pool, std::size_t count, Task task, Stage then) noexcept {
  job->pending = count;
  std::size_t begun = 0;
  try {
    for (; begun < count; ++begun) {
      pool.submit(
          [self = shared_from_this(), job, number = begun, task, then] { self->run_task(job, number, task, then); },
          early_ ? base::ThreadPool::Turn::kLast : base::ThreadPool::Turn::kInOrder);
    }
  } catch (...) {
    job->faults.keep({}, std::current_exception());
    end_tasks(job, count - begun, then);
  }
}

void Epoch::run_task(const JobPointer& job, std::size_t number, Task task, Stage then) noexcept {
  try {
    if (!results_.ended()) (this->*task)(*job, number);
  } catch (...) {
    job->faults.keep({}, std::current_exception());
  }
  end_tasks(job, 1, then);
}

void Epoch::end_tasks(const JobPointer& job, std::size_t count, Stage then) noexcept {
  if (job->pending.fetch_sub(count) == count) begin(job, then);
}

std::size_t Epoch::sound_samples(const Job& job) const {
  return results_.ended() ? 0 : job.faults.sound(job.fetched->wanted().samples().size());
}

void Epoch::begin_fetch(const JobPointer& job) {
  job->pending = 1;  // until all are begun
  try {
    const std::size_t first_read = job->fetched->make_room();
    {
      const std::lock_guard lock(job->watched);
      job->at = At::kStorage;
      job->groups = group_by_chunk(job->fetched->wanted(), first_read, schedule_);
      job->answered.assign(job->groups.size(), false);
    }
    for (const FetchGroup& group : job->groups) {
      if (group.planned) job->used.push_back({group.tensor, group.row});
    }
    for (std::size_t number = 0; number < job->groups.size() && !results_.ended(); ++number) {
      ++job->pending;
      fetch(job, number);
    }
  } catch (...) {
    job->faults.keep({}, std::current_exception());
  }
  end_fetch(job);
}

void Epoch::fetch(const JobPointer& job, std::size_t number) noexcept {
  const FetchGroup& group = job->groups[number];
  try {
    if (resources_.sources[group.tensor].reader != nullptr) {
      resources_.reader_threads.submit([self = shared_from_this(), job, number, &group] {
        if (!self->results_.ended()) {
          fetch_of_reader(group, self->resources_.fetcher, *job->fetched, job->faults);
        }
        self->end_group(job, number);
      });
      return;
    }
    const auto hold = [self = shared_from_this(), place = ChunkPlace{group.tensor, group.row}](
                          const Fetcher::ChunkPointer& chunk) { self->held_.hold(place, chunk); };
    const auto wanted = [self = shared_from_this()] { return !self->results_.ended(); };
    const auto then = [self = shared_from_this(), job, number] { self->end_group(job, number); };
    fetch_group(group, resources_.fetcher, *job->fetched, job->faults, hold, wanted, then);
  } catch (...) {
    job->faults.keep({}, std::current_exception());
    end_fetch(job);
  }
}

void Epoch::end_group(const JobPointer& job, std::size_t number) noexcept {
  {
    const std::lock_guard lock(job->watched);
    job->answered[number] = true;
  }
  end_fetch(job);
}

void Epoch::end_fetch(const JobPointer& job) noexcept {
  if (job->pending.fetch_sub(1) != 1) return;
  job->coming = {};
  open_gate(job, Gate::kFetched);
}

void Epoch::open_gate(const JobPointer& job, Gate gate) noexcept {
  if (job->gates.fetch_sub(1) != 1) return;
  if (gate == Gate::kFetched) {
    const auto waited = std::chrono::steady_clock::now() - job->admitted;
    resources_.stats.data_wait_ns += static_cast<std::uint64_t>(std::chrono::nanoseconds(waited).count());
  }
  hand_on(job, &Epoch::begin_geometry);
}

Stuck Epoch::stuck() const {
  const std::size_t number = results_.taken();
  std::shared_ptr<const Job> job;
  {
    const std::lock_guard lock(scheduling_);
    job = admitted_[number % admitted_.size()].lock();
  }
  if (job == nullptr || job->number != number) return stuck_on_threads(number, "has not been begun");
  switch (job->at) {
    case At::kStorage:
      return stuck_in_storage(number, outstanding(*job));
    case At::kGeometry:
      return stuck_on_threads(number, "waits for its geometry");
    case At::kMemory:
      return stuck_for_memory(number);
    case At::kPixels:
      break;
  }
  return stuck_on_threads(number, "is being decoded: " + std::to_string(job->pending) + " of " +
                                      std::to_string(job->laid_out.samples) + " samples are not done");
}

std::vector<std::string> Epoch::outstanding(const Job& job) const {
  std::vector<std::string> reads;
  const std::lock_guard lock(job.watched);
  for (std::size_t number = 0; number < job.groups.size(); ++number) {
    if (job.answered[number]) continue;
    const FetchGroup& group = job.groups[number];
    const TensorSource& source = resources_.sources[group.tensor];
    if (source.reader != nullptr) {
      reads.push_back("samples of tensor '" + source.format.name + '\'');
    } else {
      reads.push_back('\'' + source.index.key(group.row) + '\'');
    }
  }
  return reads;
}

void Epoch::begin_geometry(const JobPointer& job) {
  job->at = At::kGeometry;
  const std::size_t sound = sound_samples(*job);
  std::erase_if(job->unplanned, [&](std::size_t position) { return position >= sound; });
  job->verdicts.assign(job->unplanned.size(), Verdict::kTaken);
  if (resources_.recipe.plans_slowly() && !job->unplanned.empty()) {
    spread(job, resources_.decode_threads, job->unplanned.size(), &Epoch::plan, &Epoch::end_geometry);
  } else {
    for (std::size_t number = 0; number < job->unplanned.size() && !results_.ended(); ++number) plan(*job, number);
    end_geometry(job);
  }
}

void Epoch::plan(Job& job, std::size_t number) {
  const std::size_t position = job.unplanned[number];
  job.faults.attempt({position},
                     [&] { job.verdicts[number] = resources_.recipe.plan(*job.fetched, *job.planned, position); });
}

void Epoch::end_geometry(const JobPointer& job) {
  const std::size_t sound = sound_samples(*job);
  std::vector<std::size_t> rejected;
  for (std::size_t number = 0; number < job->unplanned.size(); ++number) {
    const std::size_t position = job->unplanned[number];
    if (position >= sound || job->verdicts[number] == Verdict::kTaken) continue;
    rejected.push_back(position);
    job->faults.attempt({position},
                        [&] { resources_.recipe.replace(job->fetched->wanted(), *job->planned, position); });
  }
  job->unplanned = std::move(rejected);
  if (job->fetched->wants_more()) {
    job->gates = 1;
    job->admitted = std::chrono::steady_clock::now();
    begin_fetch(job);
  } else {
    lay_out(job);
  }
}

void Epoch::lay_out(const JobPointer& job) {
  // The samples before a bad one are decoded all the same: one of them may be bad too, and the first is reported.
  if (const std::size_t samples = sound_samples(*job); samples > 0) {
    job->laid_out = resources_.recipe.lay_out(*job->fetched, *job->planned, samples);
  }
  job->laid_out.batch.indices = job->fetched->wanted().samples();
  if (job->laid_out.samples == 0) {
    finish(job);
  } else if (resources_.memory.limited()) {
    job->has_memory = true;
    job->at = At::kMemory;
    want_memory_.arrive(job->number, job);
    hand_out_memory();
  } else {
    resources_.memory.take(job->laid_out.batch.tensors, turn_, true);
    furnish(job);
  }
}

void Epoch::hand_out_memory() noexcept {
  const auto takes = [this](std::size_t number, const JobPointer& job) { return takes_memory(number, *job); };
  while (const std::optional<JobPointer> job = want_memory_.pass(takes)) hand_on(*job, &Epoch::furnish);
}

bool Epoch::takes_memory(std::size_t number, Job& job) noexcept {
  if (results_.ended()) return true;  // it goes on to its end
  if (early_) return false;           // the epoch before may come to need it
  const bool waited_for = waiting_ > 0 && results_.taken() == number;
  try {
    return resources_.memory.take(job.laid_out.batch.tensors, turn_, waited_for);
  } catch (...) {
    job.faults.keep({}, std::current_exception());
    return true;
  }
}

void Epoch::furnish(const JobPointer& job) {
  if (sound_samples(*job) == 0) return finish(job);
  job->at = At::kPixels;
  resources_.recipe.furnish(*job->planned, job->laid_out);
  spread(job, resources_.decode_threads, job->laid_out.samples, &Epoch::decode, &Epoch::finish);
}

void Epoch::decode(Job& job, std::size_t position) {
  job.faults.attempt({position}, [&] { resources_.recipe.decode(*job.fetched, *job.planned, job.laid_out, position); });
}

void Epoch::finish(const JobPointer& job) noexcept {
  if (!job->has_memory && resources_.memory.limited()) {
    want_memory_.skip(job->number);
    hand_out_memory();
  }
  // Neither the chunks' bytes nor the plans are needed while the batch waits for its turn.
  job->fetched.reset();
  job->planned.reset();
  for (const ChunkPlace place : job->used) held_.end_use(place);
  if (std::exception_ptr error = job->faults.take()) {
    results_.fail(job->number, std::move(error));
  } else {
    results_.put(job->number, std::move(job->laid_out.batch));
  }
}

}  // namespace penstock::pipeline
