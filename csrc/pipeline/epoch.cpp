#include "pipeline/epoch.h"

#include <atomic>
#include <exception>
#include <numeric>
#include <utility>

#include "base/stats.h"
#include "pipeline/fault.h"
#include "pipeline/fetch_group.h"
#include "pipeline/fetched.h"
#include "pipeline/wanted.h"

namespace penstock::pipeline {

/// A batch under way: what the stages have made of it so far, each from what the one before has made.
struct Epoch::Job {
  Job(std::size_t batch, Wanted wanted, std::unique_ptr<Planned> expanded)
      : number(batch), fetched(std::in_place, std::move(wanted)), planned(std::move(expanded)) {}

  const std::size_t number;
  Faults faults;
  std::optional<Fetched> fetched;
  std::unique_ptr<Planned> planned;
  LaidOut laid_out;

  // Of the stage under way.
  std::vector<FetchGroup> groups;
  std::vector<std::size_t> unplanned;  ///< positions that this round of geometry is for
  std::vector<Verdict> verdicts;       ///< on these
  std::atomic<std::size_t> pending{0};
};

Epoch::Epoch(const Resources& resources, Order order, std::vector<std::size_t> batch_ends, ReadPolicy policy,
             Randomness random)
    : resources_(resources),
      order_(std::move(order)),
      batch_ends_(std::move(batch_ends)),
      policy_(std::move(policy)),
      random_(random),
      results_(batch_ends_.size(), resources.prefetch, base::AfterError::kEnd, "the loader is closed") {}

void Epoch::start() {
  while (schedule_next()) continue;
}

std::optional<batch::Batch> Epoch::next(const std::function<void()>& interrupted) {
  const base::StageTimer timer(resources_.stats.wait_ns);
  std::optional<batch::Batch> batch = results_.take(interrupted);
  if (batch) {
    ++resources_.stats.batches;
    resources_.stats.samples += batch->indices.size();
    schedule_next();
  }
  return batch;
}

void Epoch::close() noexcept { results_.close(); }

bool Epoch::schedule_next() noexcept {
  const std::optional<std::size_t> number = results_.begin();
  if (!number) return false;
  JobPointer job;
  try {
    job = make_job(*number);
  } catch (...) {
    results_.fail(*number, std::current_exception());
    return true;
  }
  begin(job, &Epoch::begin_fetch);
  return true;
}

Epoch::JobPointer Epoch::make_job(std::size_t number) const {
  const std::size_t begin = number == 0 ? 0 : batch_ends_[number - 1];
  Wanted wanted(resources_.sources, order_.samples().subspan(begin, batch_ends_[number] - begin));
  std::unique_ptr<Planned> planned = resources_.recipe.expand(wanted, random_);
  auto job = std::make_shared<Job>(number, std::move(wanted), std::move(planned));
  job->unplanned.resize(batch_ends_[number] - begin);
  std::iota(job->unplanned.begin(), job->unplanned.end(), 0);
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

void Epoch::spread(const JobPointer& job, base::ThreadPool& pool, std::size_t count, Task task, Stage then) noexcept {
  job->pending = count;
  std::size_t begun = 0;
  try {
    for (; begun < count; ++begun) {
      pool.submit(
          [self = shared_from_this(), job, number = begun, task, then] { self->run_task(job, number, task, then); });
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
  const std::size_t first_read = job->fetched->make_room();
  job->groups = group_by_chunk(job->fetched->wanted(), first_read, policy_);
  // Sequences may be without items, and batches without tensors: geometry is for a thread of the pool all the same.
  if (job->groups.empty()) job->groups.emplace_back();
  spread(job, resources_.io_threads, job->groups.size(), &Epoch::fetch, &Epoch::begin_geometry);
}

void Epoch::fetch(Job& job, std::size_t number) {
  fetch_group(job.groups[number], resources_.fetcher, *job.fetched, job.faults, [this] { return results_.ended(); });
}

void Epoch::begin_geometry(const JobPointer& job) {
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
    begin_fetch(job);
  } else {
    lay_out(job);
  }
}

void Epoch::lay_out(const JobPointer& job) {
  // The samples before a bad one are decoded all the same: one of them may be bad too, and the first is reported.
  if (const std::size_t samples = sound_samples(*job); samples > 0) {
    job->laid_out = resources_.recipe.lay_out(*job->fetched, *job->planned, samples, resources_.slabs);
  }
  job->laid_out.batch.indices = job->fetched->wanted().samples();
  if (job->laid_out.samples == 0) {
    finish(job);
  } else {
    spread(job, resources_.decode_threads, job->laid_out.samples, &Epoch::decode, &Epoch::finish);
  }
}

void Epoch::decode(Job& job, std::size_t position) {
  job.faults.attempt({position}, [&] { resources_.recipe.decode(*job.fetched, *job.planned, job.laid_out, position); });
}

void Epoch::finish(const JobPointer& job) noexcept {
  // Neither the chunks' bytes nor the plans are needed while the batch waits for its turn.
  job->fetched.reset();
  job->planned.reset();
  if (std::exception_ptr error = job->faults.take()) {
    results_.fail(job->number, std::move(error));
  } else {
    results_.put(job->number, std::move(job->laid_out.batch));
  }
}

}  // namespace penstock::pipeline
