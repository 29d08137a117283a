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
void Epoch::attempt(Job& job, Place place, Step step) {
  try {
    step();
  } catch (base::Error& error) {
    job.name(error, place, loader_.sources_[place.tensor]);
    job.fail(place, std::current_exception());
  } catch (...) {
    job.fail(place, std::current_exception());
  }
}

Epoch::Epoch(Loader& loader, Order order, std::vector<std::size_t> batch_ends, ReadPlan plan, Randomness random)
    : loader_(loader),
      order_(std::move(order)),
      batch_ends_(std::move(batch_ends)),
      plan_(std::move(plan)),
      random_(random) {}

void Epoch::start() {
  for (unsigned i = 0; i < loader_.options_.prefetch; ++i) schedule_next();
}

std::optional<batch::Batch> Epoch::next(const std::function<void()>& interrupted) {
  const base::StageTimer timer(loader_.stats_.wait_ns);
  JobPointer job;
  for (;;) {
    {
      const std::lock_guard lock(mutex_);
      if (delivered_ == batch_ends_.size()) return std::nullopt;
      if (closed_) {
        ready_posted_.post();  // there may be others who wait
        throw base::Error(base::ErrorKind::kClosed, "the loader is closed");
      }
      if (const auto found = ready_.find(delivered_); found != ready_.end()) {
        job = std::move(found->second);
        ready_.erase(found);
        // After an error there is nothing more to deliver.
        delivered_ = !job->failed() ? delivered_ + 1 : batch_ends_.size();
        break;
      }
    }
    if (!ready_posted_.wait()) interrupted();
  }
  if (const std::exception_ptr error = job->take_error(); error != nullptr) {
    close();
    std::rethrow_exception(error);
  }
  ++loader_.stats_.batches;
  loader_.stats_.samples += job->batch.indices.size();
  schedule_next();
  return std::move(job->batch);
}

void Epoch::close() noexcept {
  std::map<std::size_t, JobPointer> dropped;  // freed outside the lock
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    dropped.swap(ready_);
  }
  ready_posted_.post();
}

void Epoch::schedule_next() {
  auto job = std::make_shared<Job>();
  {
    const std::lock_guard lock(mutex_);
    if (scheduled_ == batch_ends_.size()) return;
    job->number = scheduled_++;
  }
  const std::size_t begin = job->number == 0 ? 0 : batch_ends_[job->number - 1];
  const auto samples = order_.samples().subspan(begin, batch_ends_[job->number] - begin);
  job->batch.indices.assign(samples.begin(), samples.end());
  for (std::size_t position = 0; position < job->batch.indices.size(); ++position) {
    job->reads.push_back({job->batch.indices[position], position});
  }
  if (loader_.detection_) loader_.detection_->expand(*job, random_);
  job->slots.resize(loader_.sources_.size());
  job->fetched.resize(loader_.sources_.size());
  begin_fetch(job, 0);
}

void Epoch::begin_fetch(const JobPointer& job, std::size_t first_read) {
  for (std::size_t tensor = 0; tensor < loader_.sources_.size(); ++tensor) {
    Slots& slots = job->slots[tensor];
    for (std::size_t read = first_read; read < job->reads.size(); ++read) {
      slots.append(loader_.sources_[tensor], job->reads[read].sample);
    }
    job->fetched[tensor].resize(slots.items.size());
  }
  std::vector<Group> groups = group_by_chunk(*job, first_read);
  job->pending = groups.size();
  if (groups.empty()) {  // sequences without items, or no tensors at all
    loader_.io_threads_.submit([self = shared_from_this(), job] { self->plan(job); });
  }
  for (Group& group : groups) {
    loader_.io_threads_.submit(
        [self = shared_from_this(), job, group = std::move(group)] { self->fetch(job, group); });
  }
}

std::vector<Epoch::Group> Epoch::group_by_chunk(const Job& job, std::size_t first_read) const {
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

void Epoch::fetch(const JobPointer& job, const Group& group) {
  if (loader_.sources_[group.tensor].reader != nullptr) {
    if (!closed_) fetch_at_once(*job, group);
  } else {
    for (const std::size_t slot : group.slots) {
      if (closed_) break;
      attempt(*job, job->place_of(group.tensor, slot), [&] {
        job->fetched[group.tensor][slot] =
            loader_.fetcher_.fetch(group.tensor, job->slots[group.tensor].items[slot], group.whole);
      });
    }
  }
  if (--job->pending == 0) plan(job);
}

void Epoch::plan(const JobPointer& job) {
  const std::size_t sound = closed_ ? 0 : job->sound_samples();
  std::erase_if(job->unplanned, [&](std::size_t position) { return position >= sound; });
  if (job->unplanned.empty()) {
    lay_out(job);
    return;
  }
  const std::vector<std::size_t> positions = job->unplanned;
  job->pending = positions.size();
  for (const std::size_t position : positions) {
    if (loader_.detection_->heavy()) {
      loader_.decode_threads_.submit([self = shared_from_this(), job, position] { self->plan_sample(job, position); });
    } else {
      plan_sample(job, position);
    }
  }
}

void Epoch::plan_sample(const JobPointer& job, std::size_t position) {
  if (!closed_) {
    const base::StageTimer timer(loader_.stats_.transform_ns);
    attempt(*job, loader_.detection_->own(*job, position), [&] { loader_.detection_->plan(*job, position, loader_.sources_, random_); });
  }
  if (--job->pending == 0) end_planning(job);
}

void Epoch::end_planning(const JobPointer& job) {
  const std::size_t fetched = job->reads.size();
  const std::size_t sound = closed_ ? 0 : job->sound_samples();
  std::erase_if(job->unplanned, [&](std::size_t position) {
    return position >= sound || !job->planned[position].views.empty();
  });
  for (const std::size_t position : job->unplanned) {
    attempt(*job, loader_.detection_->own(*job, position), [&] { loader_.detection_->replace(*job, position, random_); });
  }
  if (job->reads.size() > fetched) {
    begin_fetch(job, fetched);
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
  try {
    if (!closed_) take_memory(*job);
  } catch (...) {
    job->fail({}, std::current_exception());
  }
  // The samples before a bad one are decoded all the same: one of them may be bad too, and the first is reported.
  const std::size_t samples = closed_ ? 0 : job->sound_samples();
  if (samples == 0) {
    finish(job);
    return;
  }
  job->pending = samples;
  for (std::size_t position = 0; position < samples; ++position) {
    loader_.decode_threads_.submit([self = shared_from_this(), job, position] { self->decode(job, position); });
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

void Epoch::decode(const JobPointer& job, std::size_t position) {
  if (!closed_) {
    base::Stats& stats = loader_.stats_;
    if (loader_.detection_) {
      base::SplitTimer timer(stats.decode_ns, stats.transform_ns);
      attempt(*job, loader_.detection_->own(*job, position), [&] { loader_.detection_->run(*job, position, loader_.sources_, timer); });
    } else {
      const base::StageTimer timer(stats.decode_ns);
      decode_tensors(*job, position);
    }
  }
  if (--job->pending == 0) finish(job);
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

void Epoch::finish(const JobPointer& job) {
  // Neither the chunks' bytes nor the plans are needed while the batch waits for its turn.
  job->fetched.clear();
  job->planned.clear();
  {
    const std::lock_guard lock(mutex_);
    if (!closed_) ready_.emplace(job->number, job);
  }
  ready_posted_.post();
}

}  // namespace penstock::pipeline
