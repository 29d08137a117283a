#include "pipeline/verify.h"

#include <algorithm>
#include <new>
#include <utility>

#include "pipeline/decode_sample.h"

namespace penstock::pipeline {
namespace {

/// Chunks under way for each thread, where they are small: some tensors have a sample to a chunk.
constexpr std::size_t kChunksPerThread = 2;
/// A chunk goes to the threads in that many pieces for each, so that they end together on the last one too.
constexpr std::uint64_t kPiecesPerThread = 4;
/// Bytes of chunks in memory at a time. A larger chunk is read sample by sample where its form allows it.
constexpr std::uint64_t kBudget = std::uint64_t{256} << 20;
/// What a chunk counts as where storage does not tell its size.
constexpr std::uint64_t kUsualChunk = std::uint64_t{8} << 20;
/// Memory for decoded samples is kept from one to the next up to this size.
constexpr std::size_t kLargestKeptScratch = std::size_t{64} << 20;

base::MutableBytes scratch_of(std::size_t bytes, base::OwnedBytes& large) {
  thread_local base::OwnedBytes kept;
  if (bytes > kLargestKeptScratch) {
    large = base::OwnedBytes::allocate(bytes);
    return {large.data.get(), bytes};
  }
  if (kept.size < bytes) kept = base::OwnedBytes::allocate(bytes);
  return {kept.data.get(), bytes};
}

std::size_t chunks_of(const std::vector<TensorSource>& sources) {
  std::size_t chunks = 0;
  for (const TensorSource& source : sources) chunks += source.index.rows();
  return chunks;
}

/// The exception being handled, as an error that can be reported.
base::Error current_error() {
  try {
    throw;
  } catch (const base::Error& error) {
    return error;
  } catch (const std::bad_alloc&) {
    return base::Error(base::ErrorKind::kDecode, "there is not enough memory to read it");
  } catch (const std::exception& other) {
    return base::Error(base::ErrorKind::kDecode, other.what());
  }
}

}  // namespace

void Verifier::Job::fail() noexcept {
  const std::lock_guard lock(mutex);
  if (failure == nullptr) failure = std::current_exception();
}

Verifier::Verifier(std::shared_ptr<storage::Store> store, std::vector<TensorSource> sources, VerifyOptions options)
    : store_(std::move(store)),
      sources_(std::move(sources)),
      options_(options),
      fetcher_(*store_, sources_, 0, decode_threads_, stats_),
      results_(chunks_of(sources_), kChunksPerThread * options.threads, base::AfterError::kGoOn,
               "the verification was stopped"),
      decode_threads_("penstock-dec", options.threads, "threads") {
  schedule();
}

Verifier::~Verifier() { stop(); }

std::optional<CheckedChunk> Verifier::next(const std::function<void()>& interrupted) {
  // After an error too: others follow.
  struct Schedule {
    Verifier& verifier;
    ~Schedule() { verifier.schedule(); }
  };
  const Schedule after{*this};
  return results_.take(interrupted);
}

void Verifier::begin_stop() noexcept {
  results_.close();
  store_->begin_stop();
  decode_threads_.begin_stop();
}

bool Verifier::stop(base::Deadline deadline) noexcept {
  begin_stop();
  const bool reading_ended = store_->stop(deadline);
  return decode_threads_.stop(deadline) && reading_ended;
}

void Verifier::abandon(const std::shared_ptr<const void>& owner) noexcept {
  begin_stop();
  store_->abandon(owner);
  decode_threads_.abandon(owner);
}

void Verifier::schedule() noexcept {
  const std::lock_guard scheduling(scheduling_);
  while (held_bytes_ < kBudget) {
    const std::optional<std::size_t> number = results_.begin();
    if (!number) return;
    try {
      begin(make_job(*number));
    } catch (...) {
      results_.fail(*number, std::current_exception());
    }
  }
}

Verifier::JobPointer Verifier::make_job(std::size_t number) const {
  auto job = std::make_shared<Job>();
  job->number = number;
  std::size_t tensor = 0;
  for (; number >= sources_[tensor].index.rows(); ++tensor) number -= sources_[tensor].index.rows();
  const auto row = static_cast<std::uint32_t>(number);
  const format::ChunkIndex& index = sources_[tensor].index;
  job->key = index.key(row);
  job->first_sample = row == 0 ? 0 : index.last_index[row - 1] + 1;
  job->result = {tensor, row, index.last_index[row] - job->first_sample + 1, {}};
  return job;
}

void Verifier::begin(const JobPointer& job) noexcept {
  try {
    const std::optional<std::uint64_t> size = store_->known_size(job->key);
    job->bytes = size.value_or(0);
    job->budgeted = size.value_or(kUsualChunk);
    held_bytes_ += job->budgeted;
    const format::TensorFormat& format = sources_[job->result.tensor].format;
    const bool compressed = format.chunk_compression != format::Compression::kNone;
    const bool whole = compressed || (options_.decode && job->budgeted <= kBudget);
    fetcher_.open(job->result.tensor, job->result.row, whole,
                  [this, job](base::Result<Fetcher::ChunkPointer> opened) { take_chunk(job, std::move(opened)); });
  } catch (...) {
    job->fail();
    finish(job);
  }
}

void Verifier::take_chunk(const JobPointer& job, base::Result<Fetcher::ChunkPointer> opened) noexcept {
  try {
    job->chunk = opened.take();
    job->bytes = job->chunk->object_bytes();
  } catch (...) {
    add_from(*job, 0);
    finish(job);
    return;
  }
  spread(job, check_held(*job));
}

void Verifier::spread(const JobPointer& job, std::uint64_t samples) noexcept {
  const std::uint64_t pieces = std::min(samples, kPiecesPerThread * options_.threads);
  if (pieces == 0) {
    finish(job);
    return;
  }
  job->pending = pieces;
  std::uint64_t begun = 0;
  try {
    for (; begun < pieces; ++begun) {
      const std::uint64_t begin = samples / pieces * begun + std::min(begun, samples % pieces);
      const std::uint64_t end = begin + samples / pieces + (begun < samples % pieces ? 1 : 0);
      decode_threads_.submit([this, job, begin, end] { check(job, begin, end); });
    }
  } catch (...) {
    job->fail();
    end_pieces(job, pieces - begun);
  }
}

void Verifier::end_pieces(const JobPointer& job, std::uint64_t count) noexcept {
  if (job->pending.fetch_sub(count) == count) finish(job);
}

std::uint64_t Verifier::check_held(Job& job) noexcept {
  const auto expected = static_cast<std::uint64_t>(job.result.samples);
  const std::uint64_t held = job.chunk->samples();
  if (held >= expected) return expected;
  try {
    job.chunk->shape(held);
  } catch (...) {
    // One finding: an index that lies may expect billions.
    add_from(job, held);
  }
  return held;
}

void Verifier::check(const JobPointer& job, std::uint64_t begin, std::uint64_t end) noexcept {
  for (std::uint64_t index = begin; index < end && !results_.ended(); ++index) check_sample(*job, index);
  end_pieces(job, 1);
}

void Verifier::check_sample(Job& job, std::uint64_t local_index) noexcept {
  try {
    try_sample(job, local_index);
  } catch (...) {
    const std::int64_t sample = job.first_sample + static_cast<std::int64_t>(local_index);
    add(job, sample, sample, stored_range(job, local_index));
  }
}

void Verifier::try_sample(const Job& job, std::uint64_t local_index) {
  const TensorSource& source = sources_[job.result.tensor];
  if (!options_.decode) {
    const base::ByteRange range = job.chunk->byte_range(local_index);
    check_structure(source, job.chunk->shape(local_index), range.size());
    return;
  }
  const FetchedSample sample = fetcher_.read_now(job.result.tensor, job.result.row, local_index, job.chunk);
  const base::Shape shape = output_shape(source, sample);
  const std::size_t bytes = *base::checked_byte_count(shape, source.format.item_size);
  base::OwnedBytes large;
  // A sample without elements is looked at too: it must have no bytes.
  decode_sample(source, sample, scratch_of(bytes, large));
}

std::optional<base::ByteRange> Verifier::stored_range(const Job& job, std::uint64_t local_index) const noexcept {
  const std::uint64_t offset = job.chunk->data_offset();
  if (sources_[job.result.tensor].format.chunk_compression != format::Compression::kNone) {
    return base::ByteRange{offset, job.bytes};
  }
  try {
    const base::ByteRange range = job.chunk->byte_range(local_index);
    return base::ByteRange{offset + range.begin, offset + range.end};
  } catch (...) {
    return std::nullopt;
  }
}

void Verifier::add_from(Job& job, std::uint64_t local_index) noexcept {
  add(job, job.first_sample + static_cast<std::int64_t>(local_index), job.first_sample + job.result.samples - 1,
      job.bytes > 0 ? std::optional<base::ByteRange>({0, job.bytes}) : std::nullopt);
}

void Verifier::add(Job& job, std::int64_t first, std::int64_t last, std::optional<base::ByteRange> bytes) noexcept {
  try {
    base::Error error = current_error();
    error.set_place(sources_[job.result.tensor].format.name, first, job.key);
    const std::lock_guard lock(job.mutex);
    job.result.findings.push_back({first, last, bytes, std::move(error)});
  } catch (...) {
    job.fail();
  }
}

void Verifier::finish(const JobPointer& job) noexcept {
  job->chunk.reset();  // its memory is not needed while the result waits for its turn
  std::sort(job->result.findings.begin(), job->result.findings.end(),
            [](const Finding& a, const Finding& b) { return a.first < b.first; });
  held_bytes_ -= job->budgeted;
  if (job->failure != nullptr) {
    results_.fail(job->number, std::exchange(job->failure, nullptr));
  } else {
    results_.put(job->number, std::move(job->result));
  }
}

}  // namespace penstock::pipeline
