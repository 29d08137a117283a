#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/thread_pool.h"
#include "storage/disk_cache/cache_folder.h"
#include "storage/disk_cache/disk_cache_stats.h"

namespace penstock::storage {

/// A folder of copies of objects, and the threads that read and write there: one for all stores of a loader.
class DiskCache {
 public:
  /// Without a limit, see CacheFolder. `report` is told what the user should know, on threads of the cache.
  DiskCache(std::string folder, std::optional<std::uint64_t> limit_bytes,
            std::function<void(const std::string&)> report = {});

  /// Room in the folder for one file, and memory for what is to be written to it, for as long as this lives.
  class Place {
   public:
    Place(DiskCache& cache, std::uint64_t bytes) : cache_(cache), bytes_(bytes) {}
    ~Place() { cache_.give_back(bytes_); }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

   private:
    DiskCache& cache_;
    std::uint64_t bytes_;
  };
  /// Whether an object of so many bytes would find one; where they are not known, as far as can be told. Here as below,
  /// what does not is counted.
  bool has_place(std::optional<std::uint64_t> bytes, DiskCacheStats& stats);
  /// Null where there is no room, or so much is to be written already that memory would not last.
  std::shared_ptr<const Place> take_place(std::uint64_t bytes, DiskCacheStats& stats);

  /// Tells the user something, on a thread of the cache.
  void tell(std::string text);

  /// Drops what is to be read.
  void begin_stop() noexcept { readers.begin_stop(); }
  /// begin_stop(), then waits for what is being read, and until all is written. False where the deadline came first.
  bool stop(base::Deadline deadline) noexcept;
  /// begin_stop(), then leaves the threads to themselves, and drops what is to be written.
  void abandon(const std::shared_ptr<const void>& owner) noexcept;

 private:
  const std::function<void(const std::string&)> report_;
  std::mutex mutex_;
  std::condition_variable all_written_;
  std::uint64_t unwritten_ = 0;  // bytes
  std::uint64_t places_ = 0;

  bool is_behind(std::uint64_t bytes, DiskCacheStats& stats);
  void give_back(std::uint64_t bytes) noexcept;

 public:
  disk_cache::CacheFolder folder;
  // Last: threads end before what they use. A slow disk that is written to keeps no answer waiting.
  base::ThreadPool readers;
  base::ThreadPool writer;
};

}  // namespace penstock::storage
