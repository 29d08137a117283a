#pragma once

#include <filesystem>
#include <fstream>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "storage/disk_cache/disk_cache.h"
#include "storage/disk_cache/disk_cache_store.h"
#include "support/answers.h"
#include "support/opened.h"
#include "support/temporary_directory.h"
#include "support/threads.h"

namespace penstock::test {

/// What a process has of a disk cache: a store over some files, and what it was told.
class Caching {
 public:
  explicit Caching(std::shared_ptr<storage::Files> files, const std::string& folder,
                   std::optional<std::uint64_t> limit = std::nullopt, const std::string& root = "s3://bucket/lake")
      : cache_(std::make_shared<storage::DiskCache>(folder, limit, [this](const std::string& text) { hear(text); })),
        store_(opened(std::move(files)), cache_, root) {}

  storage::DiskCacheStore& store() { return store_; }
  const storage::DiskCacheStats& stats() const { return store_.stats(); }

  ByteVector read(const std::string& key, std::optional<base::ByteRange> range = std::nullopt) {
    return copy_of(test::read(store_, key, range).bytes.view());
  }
  /// Once all that was put on its way to the disk is there.
  bool await_written(std::uint64_t objects) {
    return eventually([&] { return stats().written == objects; });
  }
  std::vector<std::string> heard() const {
    const std::lock_guard lock(mutex_);
    return heard_;
  }

 private:
  void hear(const std::string& text) {
    const std::lock_guard lock(mutex_);
    heard_.push_back(text);
  }

  mutable std::mutex mutex_;
  std::vector<std::string> heard_;
  std::shared_ptr<storage::DiskCache> cache_;
  storage::DiskCacheStore store_;
};

/// The files of a folder, and nothing of others.
inline std::vector<std::filesystem::path> files_in(const std::string& folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) files.push_back(entry.path());
  return files;
}

inline ByteVector bytes_of_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  const std::vector<char> text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  return bytes_of(text);
}

inline void write_file(const std::filesystem::path& path, const ByteVector& bytes) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

}  // namespace penstock::test
