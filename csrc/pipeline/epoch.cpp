#include "pipeline/epoch.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/stats.h"
#include "decode/image_decoder.h"
#include "decode/raw.h"
#include "pipeline/loader.h"

namespace penstock::pipeline {
namespace {

/// The most bytes of pixels or elements that a byte of encoded data can stand for: a JPEG needs a bit for each block
/// of 64 coefficients; deflate and LZ4 reach 1032 and 255, and a PNG may pack eight pixels in a byte; a gray image may
/// come out in three channels. A shape that claims more is a lie, found before memory is taken for it.
std::uint64_t most_expansion(format::Compression compression) {
  switch (compression) {
    case format::Compression::kJpeg:
      return std::uint64_t{8} * 64 * 4 * 3;
    case format::Compression::kPng:
      return std::uint64_t{1032} * 8 * 3;
    case format::Compression::kLz4:
      return std::uint64_t{255} * 3;
    case format::Compression::kNone:
      return 3;
  }
  return 1;
}

void check_plausible(const TensorSource& source, std::int64_t index, std::uint64_t encoded_bytes,
                     const base::Shape& shape) {
  const auto bytes = base::checked_byte_count(shape, source.format.item_size);
  if (bytes && *bytes <= most_expansion(source.format.sample_compression) * encoded_bytes) return;
  std::string text;
  for (const std::uint32_t extent : shape) text += (text.empty() ? "" : " x ") + std::to_string(extent);
  base::Error error(base::ErrorKind::kDecode,
                    std::to_string(encoded_bytes) + " bytes cannot hold a sample of the stated shape (" + text + ")",
                    "The chunk is damaged: restore it from a copy of the dataset.");
  error.set_place(source.format.name, index, source.index.key(source.index.locate(index).row));
  throw error;
}

base::Shape output_shape(const TensorSource& source, const base::Shape& stored) {
  return source.format.is_image ? decode::decoded_shape(stored, source.color) : stored;
}

}  // namespace

void Epoch::Job::fail(std::size_t position, std::exception_ptr cause) {
  const std::lock_guard lock(error_mutex);
  if (error != nullptr && error_position <= position) return;
  error = std::move(cause);
  error_position = position;
}

bool Epoch::Job::failed() {
  const std::lock_guard lock(error_mutex);
  return error != nullptr;
}

Epoch::Epoch(Loader& loader, std::vector<std::int64_t> order, std::vector<std::size_t> batch_ends, ReadPlan plan)
    : loader_(loader), order_(std::move(order)), batch_ends_(std::move(batch_ends)), plan_(std::move(plan)) {}

Epoch::~Epoch() { closed_ = true; }

void Epoch::start() {
  for (unsigned i = 0; i < loader_.options_.prefetch; ++i) schedule_next();
}

std::optional<batch::Batch> Epoch::next(const std::function<void()>& interrupted) {
  const base::StageTimer timer(loader_.stats_.wait_ns);
  JobPointer job;
  for (;;) {
    {
      const std::lock_guard lock(mutex_);
      if (closed_) throw base::Error(base::ErrorKind::kClosed, "the loader is closed");
      if (delivered_ == batch_ends_.size()) return std::nullopt;
      if (const auto found = ready_.find(delivered_); found != ready_.end()) {
        job = std::move(found->second);
        ready_.erase(found);
        // After an error there is nothing more to deliver.
        delivered_ = job->error == nullptr ? delivered_ + 1 : batch_ends_.size();
        break;
      }
    }
    if (!ready_posted_.wait()) interrupted();
  }
  if (job->error != nullptr) {
    const std::exception_ptr error = job->error;
    closed_ = true;
    std::rethrow_exception(error);
  }
  ++loader_.stats_.batches;
  loader_.stats_.samples += job->batch.indices.size();
  schedule_next();
  return std::move(job->batch);
}

void Epoch::close() noexcept {
  closed_ = true;
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
  job->batch.indices.assign(order_.begin() + static_cast<std::ptrdiff_t>(begin),
                            order_.begin() + static_cast<std::ptrdiff_t>(batch_ends_[job->number]));
  job->fetched.resize(loader_.sources_.size());
  for (auto& samples : job->fetched) samples.resize(job->batch.indices.size());
  std::vector<Group> groups = group_by_chunk(job->batch.indices);
  job->pending = groups.size();
  for (Group& group : groups) {
    loader_.io_threads_.submit(
        [self = shared_from_this(), job, group = std::move(group)] { self->fetch(job, group); });
  }
}

std::vector<Epoch::Group> Epoch::group_by_chunk(const std::vector<std::int64_t>& indices) const {
  std::vector<Group> groups;
  for (std::size_t tensor = 0; tensor < loader_.sources_.size(); ++tensor) {
    std::map<std::uint32_t, Group> by_row;
    for (std::size_t position = 0; position < indices.size(); ++position) {
      const std::uint32_t row = loader_.sources_[tensor].index.locate(indices[position]).row;
      Group& group = by_row[row];
      group.tensor = tensor;
      group.whole = plan_.whole(tensor, row);
      group.positions.push_back(position);
    }
    for (auto& [row, group] : by_row) groups.push_back(std::move(group));
  }
  return groups;
}

void Epoch::fetch(const JobPointer& job, const Group& group) {
  for (const std::size_t position : group.positions) {
    if (closed_) break;
    try {
      job->fetched[group.tensor][position] =
          loader_.fetcher_.fetch(group.tensor, job->batch.indices[position], group.whole);
    } catch (...) {
      job->fail(position, std::current_exception());
    }
  }
  if (--job->pending == 0) lay_out(job);
}

void Epoch::lay_out(const JobPointer& job) {
  if (closed_ || job->failed()) {
    finish(job);
    return;
  }
  try {
    for (std::size_t tensor = 0; tensor < loader_.sources_.size(); ++tensor) {
      const TensorSource& source = loader_.sources_[tensor];
      std::vector<base::Shape> shapes;
      for (std::size_t position = 0; position < job->batch.indices.size(); ++position) {
        const FetchedSample& sample = job->fetched[tensor][position];
        shapes.push_back(output_shape(source, sample.shape));
        check_plausible(source, job->batch.indices[position], sample.stored.size(), shapes.back());
      }
      batch::TensorBatch& out = job->batch.tensors.emplace_back();
      out.slab = loader_.slabs_[tensor].take(out.lay_out(std::move(shapes), source.format.item_size));
    }
  } catch (...) {
    job->fail(0, std::current_exception());
    finish(job);
    return;
  }
  const std::size_t samples = job->batch.indices.size();
  job->pending = samples;
  for (std::size_t position = 0; position < samples; ++position) {
    loader_.decode_threads_.submit([self = shared_from_this(), job, position] { self->decode(job, position); });
  }
}

void Epoch::decode(const JobPointer& job, std::size_t position) {
  if (!closed_) {
    const base::StageTimer timer(loader_.stats_.decode_ns);
    for (std::size_t tensor = 0; tensor < loader_.sources_.size(); ++tensor) {
      try {
        decode_tensor(*job, tensor, position);
      } catch (base::Error& error) {
        const TensorSource& source = loader_.sources_[tensor];
        const std::int64_t index = job->batch.indices[position];
        error.set_place(source.format.name, index, source.index.key(source.index.locate(index).row));
        job->fail(position, std::current_exception());
      } catch (...) {
        job->fail(position, std::current_exception());
      }
    }
  }
  if (--job->pending == 0) finish(job);
}

void Epoch::decode_tensor(Job& job, std::size_t tensor, std::size_t position) {
  const TensorSource& source = loader_.sources_[tensor];
  const batch::TensorBatch& out = job.batch.tensors[tensor];
  const FetchedSample& sample = job.fetched[tensor][position];
  const std::size_t bytes = *base::checked_byte_count(out.shapes[position], source.format.item_size);
  if (bytes == 0) return;
  const base::MutableBytes target{out.slab->data() + out.offsets[position], bytes};
  if (source.format.is_image) {
    decode::decode_image(source.format.sample_compression, sample.stored, sample.shape, source.format.item_size,
                         source.color, target);
  } else {
    decode::copy_array(source.format.sample_compression, sample.stored, target);
  }
}

void Epoch::finish(const JobPointer& job) {
  job->fetched.clear();  // the chunks' bytes are not needed while the batch waits for its turn
  {
    const std::lock_guard lock(mutex_);
    ready_.emplace(job->number, job);
  }
  ready_posted_.post();
}

}  // namespace penstock::pipeline
