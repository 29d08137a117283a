#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "storage/disk_cache/cache_header.h"

namespace penstock::storage::disk_cache {

/// The folder in which the files of the cache lie, and how much room is left there. Other processes may use it at the
/// same time: their files are seen when it is counted anew. Thread-safe; blocks.
class CacheFolder {
 public:
  /// Told once that nothing can be put there any more, and why.
  using Report = std::function<void(const std::string&)>;

  /// Without a limit it is nine tenths of what the cache has and could have on its disk, at most kMostByDefault.
  static constexpr std::uint64_t kMostByDefault = std::uint64_t{256} << 30;

  CacheFolder(std::string path, std::optional<std::uint64_t> limit_bytes, Report report);

  std::string path_of(const Label& label) const;

  /// Whether there is room for a file of so many bytes; where that is not known, for one like the last that was
  /// refused.
  bool has_room(std::optional<std::uint64_t> bytes);
  /// Sets room aside, if there is any, until release().
  bool reserve(std::uint64_t bytes);
  void release(std::uint64_t bytes) noexcept;

  /// Puts a file there, whole or not at all, in the place of one that has its path. False, now and ever after, where
  /// that cannot be done.
  bool put(const std::string& path, base::Bytes header, base::Bytes data);
  void remove(const std::string& path) noexcept;

 private:
  using Clock = std::chrono::steady_clock;

  template <class Ask>
  bool with_room(Ask ask);
  bool fits(std::uint64_t bytes);
  std::uint64_t room() const;
  bool is_count_due() const;
  int count();
  void find_limit();
  void give_up(const char* what, int code);

  const std::string path_;
  const Report report_;
  std::mutex mutex_;
  std::optional<std::uint64_t> limit_;
  std::uint64_t there_ = 0;     // of the last count, and what was put there since
  std::uint64_t reserved_ = 0;  // of what comes
  std::uint64_t last_refused_ = 0;
  std::optional<Clock::time_point> counted_;
  std::uint64_t unseen_ = 0;  // bytes that may be set aside before it is counted anew
  bool given_up_ = false;
  std::uint64_t next_name_;
};

}  // namespace penstock::storage::disk_cache
