#include "storage/disk_cache/disk_cache.h"

#include <utility>

namespace penstock::storage {
namespace {

constexpr unsigned kReaders = 2;
/// A disk that is slower than the network does not fill the memory: objects beyond this are not put there.
constexpr std::uint64_t kMostUnwritten = std::uint64_t{256} << 20;

}  // namespace

DiskCache::DiskCache(std::string folder_path, std::optional<std::uint64_t> limit_bytes,
                     std::function<void(const std::string&)> report)
    : report_(std::move(report)),
      folder(std::move(folder_path), limit_bytes, report_),
      readers("penstock-disk", kReaders, "num_threads"),
      writer("penstock-keep", 1, "num_threads") {}

void DiskCache::tell(std::string text) {
  if (!report_) return;
  readers.submit([this, text = std::move(text)] {
    try {
      report_(text);
    } catch (...) {
      // It was a favour.
    }
  });
}

bool DiskCache::has_place(std::optional<std::uint64_t> bytes, DiskCacheStats& stats) {
  if (is_behind(bytes.value_or(0), stats)) return false;
  const bool fits = bytes.value_or(0) <= disk_cache::kMostObjectBytes && folder.has_room(bytes);
  if (!fits) ++stats.full;
  return fits;
}

std::shared_ptr<const DiskCache::Place> DiskCache::take_place(std::uint64_t bytes, DiskCacheStats& stats) {
  if (is_behind(bytes, stats)) return nullptr;
  if (bytes > disk_cache::kMostObjectBytes || !folder.reserve(bytes)) {
    ++stats.full;
    return nullptr;
  }
  {
    const std::lock_guard lock(mutex_);
    unwritten_ += bytes;
    ++places_;
  }
  try {
    return std::make_shared<const Place>(*this, bytes);
  } catch (...) {
    give_back(bytes);
    throw;
  }
}

bool DiskCache::is_behind(std::uint64_t bytes, DiskCacheStats& stats) {
  const std::lock_guard lock(mutex_);
  const bool behind = unwritten_ > 0 && unwritten_ + bytes > kMostUnwritten;
  if (behind) ++stats.behind;
  return behind;
}

void DiskCache::give_back(std::uint64_t bytes) noexcept {
  folder.release(bytes);
  const std::lock_guard lock(mutex_);
  unwritten_ -= bytes;
  if (--places_ == 0) all_written_.notify_all();
}

bool DiskCache::stop(base::Deadline deadline) noexcept {
  if (!readers.stop(deadline)) return false;
  {
    std::unique_lock lock(mutex_);
    const auto done = [this] { return places_ == 0; };
    if (deadline == base::Deadline::max()) {
      all_written_.wait(lock, done);
    } else if (!all_written_.wait_until(lock, deadline, done)) {
      return false;
    }
  }
  return writer.stop(deadline);
}

void DiskCache::abandon(const std::shared_ptr<const void>& owner) noexcept {
  readers.abandon(owner);
  writer.abandon(owner);
}

}  // namespace penstock::storage
