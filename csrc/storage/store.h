#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/answer.h"
#include "base/bytes.h"
#include "base/result.h"
#include "base/thread_pool.h"

namespace penstock::storage {

/// Whether somebody still waits; empty where somebody does. Called on any thread; it must neither throw nor block.
using Wanted = std::function<bool()>;

/// What is asked for: a whole object, or a range of its bytes, which is not empty and may reach beyond its end.
struct Request {
  std::string key;
  std::optional<base::ByteRange> range = std::nullopt;
  Wanted wanted = {};  ///< asked when the request's turn comes: one that is not is answered with kClosed
};

inline bool is_wanted(const Wanted& wanted) { return !wanted || wanted(); }

/// What came: the bytes that were asked for, fewer where the object ends before (none where it ends before the range
/// begins), and what the storage says of the whole object.
struct Object {
  base::OwnedBytes bytes;
  std::uint64_t size = 0;            ///< of the whole object, in bytes
  std::string version = {};          ///< changes with the content (an ETag); empty where storage has no such thing
  std::chrono::nanoseconds took{0};  ///< from when the storage was asked, after waiting for a thread or connection
};

/// Takes the answer to a request. Called once, on any thread, also before get() returns; it must neither throw nor
/// block, and does no work worth mentioning: it may be the one thread that all requests go through.
using Done = std::function<void(base::Result<Object>)>;

/// Runs `begin` with an answer that goes to `done`; what `begin` throws is the answer. For Store::get.
template <class Begin>
void answering(Done done, Begin begin) noexcept {
  std::optional<base::Answer<Object>> answer;
  try {
    answer.emplace(done);
    begin(*answer);
  } catch (...) {
    if (answer) {
      answer->fail(std::current_exception());
    } else {
      done(std::current_exception());
    }
  }
}

/// Something that a store has counted, for users of loaders to see; times are in seconds.
struct Count {
  std::string name;
  double value = 0;
};

/// Where chunks lie: named, immutable byte strings. Keys are relative, with '/' between parts. Nobody waits for a
/// request: its answer comes by a call. Thread-safe.
class Store {
 public:
  Store() = default;
  virtual ~Store() = default;
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  /// Answers with the object, or with base::Error: kChunkNotFound where there is no such key, kClosed after
  /// begin_stop(), kStorage on any other failure, or what says more of it (kAccessDenied, ...). Whatever goes wrong,
  /// lack of memory included, is the answer.
  virtual void get(Request request, Done done) noexcept = 0;

  /// Length of an object where that is known without a request; else nothing, also for what does not exist.
  virtual std::optional<std::uint64_t> known_size(const std::string& key) const = 0;

  /// How many bytes could have come in the time that a request takes, beside its own: what it is worth to read in
  /// vain, rather than to ask twice.
  virtual std::uint64_t bytes_worth_a_request() const = 0;

  /// What it has counted so far; nothing where it counts nothing.
  virtual std::vector<Count> counts() const { return {}; }

  /// Answers all requests under way and all that come with kClosed, as soon as that can be. Idempotent.
  virtual void begin_stop() noexcept = 0;
  /// begin_stop(), then waits for the store's threads. False where some still run at the deadline. Idempotent.
  virtual bool stop(base::Deadline deadline = base::Deadline::max()) noexcept = 0;
  /// begin_stop(), then leaves its threads to themselves; `owner`, which holds the store and what its answers go to,
  /// lives until the last of them has ended.
  virtual void abandon(std::shared_ptr<const void> owner) noexcept = 0;
};

}  // namespace penstock::storage
