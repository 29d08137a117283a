#include "pipeline/epoch.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "base/error.h"
#include "base/stats.h"
#include "pipeline/decode_sample.h"
#include "pipeline/loader.h"

namespace penstock::pipeline {

template <class Step>
void Epoch::attempt(Job& job, Place place, Step step) noexcept {
  try {
    job.named(place, loader_.sources_[place.tensor], step);
  } catch (...) {
    job.fail(place, std::current_exception());
  }
}

Epoch::Epoch(Loader& loader, Order order, std::vector<std::size_t> batch_ends, ReadPlan plan, Randomness random)
    : loader_(loader),
      order_(std::move(order)),
      batch_ends_(std::move(batch_ends)),
      plan_(std::move(plan)),
      random_(random),
      results_(batch_ends_.size(), loader.options_.prefetch, base::AfterError::kEnd, "the loader is closed") {}

void Epoch::start() {
  while (schedule_next()) continue;
}

std::optional<batch::Batch> Epoch::next(const std::function<void()>& interrupted) {
  const base::StageTimer timer(loader_.stats_.wait_ns);
  std::optional<batch::Batch> batch = results_.take(interrupted);
  if (batch) {
    ++loader_.stats_.batches;
    loader_.stats_.samples += batch->indices.size();
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

JobPointer Epoch::make_job(std::size_t number) const {
  auto job = std::make_shared<Job>();
  job->number = number;
  const std::size_t begin = number == 0 ? 0 : batch_ends_[number - 1];
  const auto samples = order_.samples().subspan(begin, batch_ends_[number] - begin);
  job->batch.indices.assign(samples.begin(), samples.end());
  for (std::size_t position = 0; position < job->batch.indices.size(); ++position) {
    job->reads.push_back({job->batch.indices[position], position});
  }
  if (loader_.detection_) loader_.detection_->expand(*job, random_);
  job->slots.resize(loader_.sources_.size());
  job->fetched.resize(loader_.sources_.size());
  return job;
}

void Epoch::begin(const JobPointer& job, Stage stage) noexcept {
  try {
    (this->*stage)(job);
  } catch (...) {
    job->fail({}, std::current_exception());
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
    job->fail({}, std::current_exception());
    end_tasks(job, count - begun, then);
  }
}

void Epoch::run_task(const JobPointer& job, std::size_t number, Task task, Stage then) noexcept {
  try {
    if (!results_.ended()) (this->*task)(*job, number);
  } catch (...) {
    job->fail({}, std::current_exception());
  }
  end_tasks(job, 1, then);
}

void Epoch::end_tasks(const JobPointer& job, std::size_t count, Stage then) noexcept {
  if (job->pending.fetch_sub(count) == count) begin(job, then);
}

void Epoch::begin_fetch(const JobPointer& job) {
  const std::size_t first_read = job->begun;
  job->begun = job->reads.size();
  for (std::size_t tensor = 0; tensor < loader_.sources_.size(); ++tensor) {
    Slots& slots = job->slots[tensor];
    for (std::size_t read = first_read; read < job->reads.size(); ++read) {
      slots.append(loader_.sources_[tensor], job->reads[read].sample);
    }
    job->fetched[tensor].resize(slots.items.size());
  }
  job->groups = group_by_chunk(*job, first_read);
  // Sequences may be without items, and batches without tensors: planning is for a thread of the pool all the same.
  if (job->groups.empty()) job->groups.emplace_back();
  spread(job, loader_.io_threads_, job->groups.size(), &Epoch::fetch, &Epoch::plan);
}

std::vector<Group> Epoch::group_by_chunk(const Job& job, std::size_t first_read) const {
  std::vector<Group> groups;
  for (std::size_t tensor = 0; tensor < loader_.sources_.size(); ++tensor) {
    const Slots& slots = job.slots[tensor];
    if (loader_.sources_[tensor].reader != nullptr) {
      Group group{tensor, true, std::vector<std::size_t>(slots.items.size() - slots.begin(first_read))};
      std::iota(group.slots.begin(), group.slots.end(), slots.begin(first_read));
      if (!group.slots.empty()) groups.push_back(std::move(group));
      continue;
    }
    std::map<std::uint32_t, Group> by_row;
    for (std::size_t slot = slots.begin(first_read); slot < slots.items.size(); ++slot) {
      const std::uint32_t row = loader_.sources_[tensor].index.locate(slots.items[slot]).row;
      Group& group = by_row[row];
      group.tensor = tensor;
      group.whole = plan_.whole(tensor, row);
      group.slots.push_back(slot);
    }
    for (auto& [row, group] : by_row) groups.push_back(std::move(group));
  }
  return groups;
}

void Epoch::fetch(Job& job, std::size_t number) {
  const Group& group = job.groups[number];
  if (group.slots.empty()) return;
  if (loader_.sources_[group.tensor].reader != nullptr) {
    fetch_at_once(job, group);
    return;
  }
  for (const std::size_t slot : group.slots) {
    if (results_.ended()) break;
    attempt(job, job.place_of(group.tensor, slot), [&] {
      job.fetched[group.tensor][slot] =
          loader_.fetcher_.fetch(group.tensor, job.slots[group.tensor].items[slot], group.whole);
    });
  }
}

void Epoch::plan(const JobPointer& job) {
  const std::size_t sound = results_.ended() ? 0 : job->sound_samples();
  std::erase_if(job->unplanned, [&](std::size_t position) { return position >= sound; });
  if (job->unplanned.empty()) {
    lay_out(job);
  } else if (loader_.detection_->heavy()) {
    spread(job, loader_.decode_threads_, job->unplanned.size(), &Epoch::plan_sample, &Epoch::end_planning);
  } else {
    for (std::size_t number = 0; number < job->unplanned.size() && !results_.ended(); ++number)
      plan_sample(*job, number);
    end_planning(job);
  }
}

void Epoch::plan_sample(Job& job, std::size_t number) {
  const base::StageTimer timer(loader_.stats_.transform_ns);
  const std::size_t position = job.unplanned[number];
  attempt(job, loader_.detection_->own(job, position),
          [&] { loader_.detection_->plan(job, position, loader_.sources_, random_); });
}

void Epoch::end_planning(const JobPointer& job) {
  const std::size_t sound = results_.ended() ? 0 : job->sound_samples();
  std::erase_if(job->unplanned,
                [&](std::size_t position) { return position >= sound || !job->planned[position].views.empty(); });
  for (const std::size_t position : job->unplanned) {
    attempt(*job, loader_.detection_->own(*job, position),
            [&] { loader_.detection_->replace(*job, position, random_); });
  }
  if (job->reads.size() > job->begun) {
    begin_fetch(job);
  } else {
    lay_out(job);
  }
}

void Epoch::fetch_at_once(Job& job, const Group& group) {
  std::vector<SampleReader::Result> results;
  attempt(job, job.place_of(group.tensor, group.slots.front()), [&] {
    std::vector<std::int64_t> samples;
    for (const std::size_t slot : group.slots) samples.push_back(job.slots[group.tensor].items[slot]);
    results = loader_.fetcher_.read(group.tensor, samples);
  });
  for (std::size_t i = 0; i < results.size(); ++i) {
    const std::size_t slot = group.slots[i];
    attempt(job, job.place_of(group.tensor, slot), [&] { job.fetched[group.tensor][slot] = results[i].take(); });
  }
}

void Epoch::lay_out(const JobPointer& job) {
  if (!results_.ended()) take_memory(*job);
  // The samples before a bad one are decoded all the same: one of them may be bad too, and the first is reported.
  const std::size_t samples = results_.ended() ? 0 : job->sound_samples();
  if (samples == 0) {
    finish(job);
  } else {
    spread(job, loader_.decode_threads_, samples, &Epoch::decode, &Epoch::finish);
  }
}

void Epoch::take_memory(Job& job) {
  if (loader_.detection_) {
    if (job.sound_samples() > 0) loader_.detection_->lay_out(job, job.sound_samples(), loader_.slabs_);
    return;
  }
  std::vector<std::vector<base::Shape>> shapes(loader_.sources_.size());
  for (std::size_t position = 0; position < job.sound_samples(); ++position) {
    for (std::size_t tensor = 0; tensor < shapes.size(); ++tensor) {
      const TensorSource& source = loader_.sources_[tensor];
      for (std::size_t slot = job.slots[tensor].begin(position); slot < job.slots[tensor].end(position); ++slot) {
        attempt(job, job.place_of(tensor, slot),
                [&] { shapes[tensor].push_back(output_shape(source, job.fetched[tensor][slot])); });
      }
    }
  }
  const std::size_t samples = job.sound_samples();
  if (samples == 0) return;
  for (std::size_t tensor = 0; tensor < shapes.size(); ++tensor) {
    const TensorSource& source = loader_.sources_[tensor];
    const std::span<const std::size_t> ends(job.slots[tensor].ends.data(), samples);
    shapes[tensor].resize(ends.back());  // less what came before the first bad tensor of a sample
    job.batch.add(loader_.slabs_[tensor], std::move(shapes[tensor]), source.format.item_size,
                  source.sequences ? ends : decltype(ends){});
  }
}

void Epoch::decode(Job& job, std::size_t position) {
  base::Stats& stats = loader_.stats_;
  if (loader_.detection_) {
    base::SplitTimer timer(stats.decode_ns, stats.transform_ns);
    attempt(job, loader_.detection_->own(job, position),
            [&] { loader_.detection_->run(job, position, loader_.sources_, timer); });
  } else {
    const base::StageTimer timer(stats.decode_ns);
    decode_tensors(job, position);
  }
}

void Epoch::decode_tensors(Job& job, std::size_t position) {
  for (std::size_t tensor = 0; tensor < loader_.sources_.size(); ++tensor) {
    for (std::size_t slot = job.slots[tensor].begin(position); slot < job.slots[tensor].end(position); ++slot) {
      const Place place = job.place_of(tensor, slot);
      attempt(job, place, [&] { decode_tensor(job, place); });
    }
  }
}

void Epoch::decode_tensor(Job& job, Place place) {
  const TensorSource& source = loader_.sources_[place.tensor];
  const batch::TensorBatch& out = job.batch.tensors[place.tensor];
  const std::size_t slot = job.slot_of(place);
  const std::size_t bytes = *base::checked_byte_count(out.shapes[slot], source.format.item_size);
  const FetchedSample& item = job.fetched[place.tensor][slot];
  base::MutableBytes target;
  if (bytes > 0) {
    target = {out.slab->data() + out.offsets[slot], bytes};
  } else if (item.stored.empty()) {
    return;  // else it is looked at: a sample without elements must have no bytes
  }
  decode_sample(source, item, target);
}

void Epoch::finish(const JobPointer& job) noexcept {
  // Neither the chunks' bytes nor the plans are needed while the batch waits for its turn.
  job->fetched.clear();
  job->planned.clear();
  if (std::exception_ptr error = job->take_error()) {
    results_.fail(job->number, std::move(error));
  } else {
    results_.put(job->number, std::move(job->batch));
  }
}

}  // namespace penstock::pipeline
