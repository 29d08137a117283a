#pragma once

#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/error.h"
#include "storage/files.h"

namespace penstock::test {

/// Hands on to other files, with faults on chosen keys, and counts the reads.
class FaultyFiles final : public storage::Files {
 public:
  explicit FaultyFiles(std::shared_ptr<storage::Files> inner);

  /// Reads of `key` fail; `times` of them, then they work again.
  void fail(const std::string& key, base::ErrorKind kind, unsigned times = ~0U);
  /// Every read of every key takes this long.
  void slow_down(std::chrono::milliseconds delay);
  /// Reads of `key` wait until open() is called for it.
  void hold(const std::string& key);
  void open(const std::string& key);
  /// The object ends after `bytes`, though its size does not say so.
  void truncate(const std::string& key, std::uint64_t bytes);

  unsigned reads(const std::string& key) const;
  unsigned reads() const;
  /// The most reads of `key` that were under way at the same time.
  unsigned most_at_once(const std::string& key) const;
  /// Returns once a read of `key` has begun.
  void await_read(const std::string& key);

  storage::Object read(const std::string& key, std::optional<base::ByteRange> range) override;
  std::optional<std::uint64_t> known_size(const std::string& key) const override { return inner_->known_size(key); }

 private:
  struct State {
    unsigned reads = 0;
    unsigned now = 0;
    unsigned most = 0;
    unsigned failures_left = 0;
    base::ErrorKind kind = base::ErrorKind::kStorage;
    bool held = false;
    std::uint64_t end = ~std::uint64_t{0};
  };

  std::shared_ptr<storage::Files> inner_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, State> states_;
  std::chrono::milliseconds delay_{0};
};

}  // namespace penstock::test
