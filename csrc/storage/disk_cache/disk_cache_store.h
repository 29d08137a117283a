#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/answer.h"
#include "base/result.h"
#include "storage/disk_cache/cache_header.h"
#include "storage/disk_cache/disk_cache.h"
#include "storage/disk_cache/disk_cache_stats.h"
#include "storage/store.h"

namespace penstock::storage {

/// Hands on to another store, and keeps on a disk what comes from it, whole objects, until that is full. An object has
/// to be the same for as long as this lives: one whose version changes is error kStorage.
class DiskCacheStore final : public Store {
 public:
  /// `root` says which dataset the keys are of, to all processes that use the folder.
  DiskCacheStore(std::shared_ptr<Store> inner, std::shared_ptr<DiskCache> cache, std::string root)
      : inner_(std::move(inner)), cache_(std::move(cache)), root_(std::move(root)) {}
  /// Waits for the threads, unless they were abandoned.
  ~DiskCacheStore() override { stop(base::Deadline::max()); }

  void get(Request request, Done done) noexcept override;
  std::optional<std::uint64_t> known_size(const std::string& key) const override;
  /// The mean of the inner store's and a disk's, by which of them the last requests went to.
  std::uint64_t bytes_worth_a_request() const override;

  std::vector<Count> counts() const override;
  const DiskCacheStats& stats() const { return stats_; }

  void begin_stop() noexcept override;
  /// Waits until what is under way to the disk is there, too.
  bool stop(base::Deadline deadline) noexcept override;
  void abandon(std::shared_ptr<const void> owner) noexcept override;

 private:
  using Content = disk_cache::Content;

  struct Waiting {
    std::optional<base::ByteRange> range;
    Wanted wanted;
    base::Answer<Object> answer;
  };

  /// The first request for an object that is not known to be on the disk, and those that came meanwhile.
  struct Flight {
    std::vector<Waiting> waiting;
    bool given_up = false;  ///< nobody wanted it when its turn came
    bool wanted() const;
  };

  /// What is known of an object.
  struct Known {
    std::optional<Content> content;           ///< by an answer of the inner store
    bool on_disk = false;                     ///< its content, as far as is known
    bool goes_through = false;                ///< it is never kept
    std::shared_ptr<const Object> unwritten;  ///< whole, on its way to the disk
    std::shared_ptr<Flight> flight;
  };

  disk_cache::Label label_of(const std::string& key) const { return {root_, key}; }
  std::string path_of(const std::string& key) const { return cache_->folder.path_of(label_of(key)); }

  void take_up(const std::string& key, Waiting who);
  void begin(const std::string& key, const std::shared_ptr<Flight>& flight) noexcept;
  void go_on(const std::string& key, const std::shared_ptr<Flight>& flight, std::function<void()> task);
  void look(const std::string& key, const std::shared_ptr<Flight>& flight) noexcept;
  std::optional<Content> content_on_disk(const std::string& key);
  void probe(const std::string& key, const std::shared_ptr<Flight>& flight, const Content& found);
  void fetch(const std::string& key, const std::shared_ptr<Flight>& flight);
  void deliver(const std::string& key, const std::shared_ptr<Flight>& flight,
               const std::shared_ptr<const Object>& object) noexcept;
  void write(const std::string& key, const Object& object) noexcept;

  void read_for(const std::string& key, const Waiting& who) noexcept;
  std::optional<Object> read_from_disk(const std::string& key, std::optional<base::ByteRange> range);
  void read_for_all(const std::string& key, const std::shared_ptr<Flight>& flight) noexcept;
  void pass_on(const std::string& key, const Waiting& who) noexcept;
  void pass_all_on(const std::string& key, const std::shared_ptr<Flight>& flight) noexcept;
  void fail(const std::string& key, const std::shared_ptr<Flight>& flight, std::exception_ptr error) noexcept;

  Wanted wanted_of(const std::shared_ptr<Flight>& flight);
  bool still_wanted(Flight& flight) noexcept;
  /// Those who wait for it, whose flight ends with that.
  template <class Change>
  std::vector<Waiting> land(const std::string& key, const std::shared_ptr<Flight>& flight, Change change) noexcept;
  bool agrees(const std::string& key, const Object& object);
  void tell_of_missing_versions();

  const std::shared_ptr<Store> inner_;
  const std::shared_ptr<DiskCache> cache_;
  const std::string root_;
  DiskCacheStats stats_;
  mutable std::mutex mutex_;
  bool stopped_ = false;
  bool told_ = false;
  double share_of_inner_ = 1;           // of the last requests, those that the inner store had to do with
  std::map<std::string, Known> known_;  // its nodes stay where they are
};

}  // namespace penstock::storage
