#pragma once

#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/error.h"
#include "storage/store.h"

namespace penstock::test {

/// Hands on to another store, with faults on chosen keys, and counts the reads.
class FaultyStore final : public storage::Store {
 public:
  explicit FaultyStore(std::shared_ptr<storage::Store> inner);

  /// Reads of `key` fail; `times` of them, then they work again.
  void fail(const std::string& key, base::ErrorKind kind, unsigned times = ~0U);
  /// Every read of every key takes this long.
  void slow_down(std::chrono::milliseconds delay);
  /// Reads of `key` wait until open() is called for it.
  void hold(const std::string& key);
  void open(const std::string& key);
  /// The object ends after `bytes`, though size() does not say so.
  void truncate(const std::string& key, std::uint64_t bytes);

  unsigned reads(const std::string& key) const;
  unsigned reads() const;
  /// The most reads of `key` that were under way at the same time.
  unsigned most_at_once(const std::string& key) const;
  /// Returns once a read of `key` has begun.
  void await_read(const std::string& key);

  std::uint64_t size(const std::string& key) override;
  void read(const std::string& key, std::uint64_t offset, base::MutableBytes destination) override;

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

  std::shared_ptr<storage::Store> inner_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, State> states_;
  std::chrono::milliseconds delay_{0};
};

}  // namespace penstock::test
