#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/ordered_results.h"
#include "base/stats.h"
#include "base/thread_pool.h"
#include "pipeline/fetch.h"
#include "pipeline/tensor_source.h"
#include "storage/store.h"

namespace penstock::pipeline {

/// Samples that cannot be read: one, all those of a chunk that is bad, or those that it should hold and does not.
struct Finding {
  std::int64_t first = 0;
  std::int64_t last = 0;
  /// Where the bytes concerned lie in the stored object, [begin, end): the sample's, or the whole object. Nothing where
  /// that is unknown. A sample of a chunk that is compressed as a whole has the range of the compressed data.
  std::optional<base::ByteRange> bytes;
  base::Error error;
};

/// What checking one chunk came to.
struct CheckedChunk {
  std::size_t tensor = 0;
  std::uint32_t row = 0;
  std::int64_t samples = 0;
  std::vector<Finding> findings;  ///< in order of the samples
};

struct VerifyOptions {
  unsigned threads = 2;
  /// Off: headers, shapes and byte positions are checked against the objects' sizes, and no sample is decoded. Chunks
  /// that are compressed as a whole are decompressed all the same: their positions mean nothing before.
  bool decode = true;
};

/// Reads every chunk of some tensors once and tries all of its samples. Errors are collected: one bad sample hides no
/// other. Decoded samples go to memory of the thread and are dropped. In memory at a time are chunks of 256 MiB as they
/// are stored, or a single one. Thread-safe.
class Verifier {
 public:
  Verifier(std::shared_ptr<storage::Store> store, std::vector<TensorSource> sources, VerifyOptions options);
  ~Verifier();
  Verifier(const Verifier&) = delete;
  Verifier& operator=(const Verifier&) = delete;

  /// The next chunk, in order of the sources and their rows, or nothing at the end. Blocks; `interrupted` is called
  /// whenever a signal comes and may throw. Throws where there was no memory to check a chunk or to note what is bad.
  std::optional<CheckedChunk> next(const std::function<void()>& interrupted);

  /// Drops queued work; a waiting next() throws kClosed. Idempotent.
  void begin_stop() noexcept;
  /// begin_stop(), then joins the threads. False where some still run at the deadline. Idempotent.
  bool stop(base::Deadline deadline = base::Deadline::max()) noexcept;
  /// begin_stop(), then leaves the threads to themselves; `owner` holds this verifier.
  void abandon(const std::shared_ptr<const void>& owner) noexcept;

 private:
  /// A chunk under way.
  struct Job {
    std::size_t number = 0;
    std::string key;
    std::int64_t first_sample = 0;
    std::uint64_t bytes = 0;     // of the stored object; 0 while nobody knows
    std::uint64_t budgeted = 0;  // what it counts as
    std::shared_ptr<const format::Chunk> chunk;
    CheckedChunk result;
    std::atomic<std::size_t> pending{0};
    std::mutex mutex;            // of result.findings and failure
    std::exception_ptr failure;  // why the result is not complete

    /// Keeps the exception being handled.
    void fail() noexcept;
  };
  using JobPointer = std::shared_ptr<Job>;

  /// Begins as many of the next chunks as the budget has room for.
  void schedule() noexcept;
  JobPointer make_job(std::size_t number) const;
  void begin(const JobPointer& job) noexcept;
  void take_chunk(const JobPointer& job, base::Result<Fetcher::ChunkPointer> opened) noexcept;
  /// Hands the samples of a chunk that has been read to the threads.
  void spread(const JobPointer& job, std::uint64_t samples) noexcept;
  void end_pieces(const JobPointer& job, std::uint64_t count) noexcept;
  /// How many of the chunk's samples there are to try; those that it lacks are a finding.
  std::uint64_t check_held(Job& job) noexcept;
  void check(const JobPointer& job, std::uint64_t begin, std::uint64_t end) noexcept;
  void check_sample(Job& job, std::uint64_t local_index) noexcept;
  /// Throws what is wrong with a sample.
  void try_sample(const Job& job, std::uint64_t local_index);
  /// Adds the exception being handled: to the rest of the chunk, to some samples.
  void add_from(Job& job, std::uint64_t local_index) noexcept;
  void add(Job& job, std::int64_t first, std::int64_t last, std::optional<base::ByteRange> bytes) noexcept;
  std::optional<base::ByteRange> stored_range(const Job& job, std::uint64_t local_index) const noexcept;
  void finish(const JobPointer& job) noexcept;

  const std::shared_ptr<storage::Store> store_;
  const std::vector<TensorSource> sources_;
  const VerifyOptions options_;
  base::Stats stats_;
  Fetcher fetcher_;
  std::mutex scheduling_;
  std::atomic<std::uint64_t> held_bytes_{0};  // of the chunks in memory
  base::OrderedResults<CheckedChunk> results_;
  // Last: threads stop before anything that they use goes.
  base::ThreadPool decode_threads_;
};

}  // namespace penstock::pipeline
