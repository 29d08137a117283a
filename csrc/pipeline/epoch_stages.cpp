// The stages that a batch goes through, of pipeline/epoch.h.
#include <chrono>
#include <exception>
#include <utility>

#include "base/stats.h"
#include "base/trace.h"
#include "pipeline/epoch.h"
#include "pipeline/job.h"

namespace penstock::pipeline {
namespace {

using base::trace::Name;
using base::trace::Span;

}  // namespace

base::trace::Event Epoch::event(Name name, std::size_t batch) const noexcept {
  return {.name = name,
          .loader = resources_.stats.loader,
          .start = base::trace::now(),
          .epoch = static_cast<std::uint32_t>(random_.epoch),
          .batch = static_cast<std::uint32_t>(batch)};
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
          fetch_of_reader(group, self->resources_.fetcher, self->resources_.kept, *job->fetched, job->faults);
        }
        self->end_group(job, number);
      });
      return;
    }
    const auto hold = [self = shared_from_this(), place = ChunkPlace{group.tensor, group.row}](
                          const Fetcher::ChunkPointer& chunk) { self->held_.hold(place, chunk); };
    const auto wanted = [self = shared_from_this()] { return !self->results_.ended(); };
    const auto then = [self = shared_from_this(), job, number] { self->end_group(job, number); };
    fetch_group(group, resources_.fetcher, resources_.kept, *job->fetched, job->faults, hold, wanted, then);
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
  if (base::trace::on()) trace_fetched(*job, job->groups[number]);
  end_fetch(job);
}

void Epoch::trace_fetched(const Job& job, const FetchGroup& group) const noexcept {
  try {
    const TensorSource& source = resources_.sources[group.tensor];
    base::trace::Event fetched = event(Name::kFetched, job.number);
    fetched.key = base::trace::label(source.reader != nullptr ? source.format.name : source.index.key(group.row));
    const Wanted& wanted = job.fetched->wanted();
    for (const std::size_t slot : group.slots) {
      fetched.sample = wanted.samples()[wanted.place_of(group.tensor, slot).position];
      base::trace::write(fetched);
    }
  } catch (...) {
    return;  // no memory for a name
  }
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
  const bool slow = resources_.recipe.plans_slowly();
  const std::size_t sound = sound_samples(*job);
  std::erase_if(job->unplanned, [&](std::size_t position) { return position >= sound; });
  job->verdicts.assign(job->unplanned.size(), Verdict::kTaken);
  if (slow && !job->unplanned.empty()) {
    spread(job, resources_.decode_threads, job->unplanned.size(), &Epoch::plan, &Epoch::end_geometry);
  } else {
    {
      Span span(Name::kGeometry);
      if (span.on()) span.event = event(Name::kGeometry, job->number);
      for (std::size_t number = 0; number < job->unplanned.size() && !results_.ended(); ++number) {
        plan_sample(*job, number);
      }
    }
    end_geometry(job);
  }
}

void Epoch::plan(Job& job, std::size_t number) {
  Span span(Name::kGeometry);
  if (span.on()) {
    span.event = event(Name::kGeometry, job.number);
    span.event.sample = job.fetched->wanted().samples()[job.unplanned[number]];
  }
  plan_sample(job, number);
}

void Epoch::plan_sample(Job& job, std::size_t number) {
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
  const bool limited = resources_.memory.limited();
  {
    // It is written before others can end the batch: who has all batches has all events.
    Span span(Name::kLayOut);
    if (span.on()) span.event = event(Name::kLayOut, job->number);
    // The samples before a bad one are decoded all the same: one of them may be bad too, and the first is reported.
    if (const std::size_t samples = sound_samples(*job); samples > 0) {
      job->laid_out = resources_.recipe.lay_out(*job->fetched, *job->planned, samples);
    }
    job->laid_out.batch.indices = job->fetched->wanted().samples();
    if (job->laid_out.samples > 0 && !limited) resources_.memory.take(job->laid_out.batch.tensors, turn_, true);
  }
  if (job->laid_out.samples == 0) {
    finish(job);
  } else if (limited) {
    job->has_memory = true;
    job->at = At::kMemory;
    want_memory_.arrive(job->number, job);
    hand_out_memory();
  } else {
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
  try {
    return resources_.memory.take(job.laid_out.batch.tensors, turn_, wanted_ == number);
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
  Span span(Name::kDecode);
  if (span.on()) {
    span.event = event(Name::kDecode, job.number);
    span.event.sample = job.fetched->wanted().samples()[position];
    base::trace::parts = {};
  }
  job.faults.attempt({position}, [&] {
    try {
      resources_.recipe.decode(*job.fetched, *job.planned, job.laid_out, position);
    } catch (...) {
      span.failed();
      throw;
    }
  });
  if (span.on()) {
    span.event.first = base::trace::parts.decode;
    span.event.second = base::trace::parts.transform;
  }
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
  std::exception_ptr error = job->faults.take();
  if (base::trace::on()) {
    base::trace::Event ready = event(Name::kReady, job->number);
    ready.bytes = resources_.budget.held();
    if (error != nullptr) ready.error = base::trace::label_of(error);
    base::trace::write(ready);
  }
  if (error != nullptr) {
    results_.fail(job->number, std::move(error));
  } else {
    results_.put(job->number, std::move(job->laid_out.batch));
  }
}

}  // namespace penstock::pipeline
