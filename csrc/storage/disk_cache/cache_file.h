#pragma once

#include <cstdint>
#include <exception>
#include <memory>
#include <string>

#include "base/bytes.h"
#include "storage/disk_cache/cache_header.h"

namespace penstock::storage::disk_cache {

/// A file that is not what it should be: damaged, cut, another object's, or none of the cache's.
class UnusableFile final : public std::exception {
 public:
  const char* what() const noexcept override { return "a file of the disk cache is damaged"; }
};

/// A file of the cache, open for reading. All that it gives has been checked. Blocks; not for several threads.
class CacheFile {
 public:
  /// Null where there is none that may be read. Throws UnusableFile.
  static std::unique_ptr<CacheFile> open(const std::string& path, const Label& label);
  ~CacheFile();
  CacheFile(const CacheFile&) = delete;
  CacheFile& operator=(const CacheFile&) = delete;

  const Content& content() const { return header_.content; }

  /// A part of the object, which it has. Throws UnusableFile.
  base::OwnedBytes read(base::ByteRange part) const;

 private:
  explicit CacheFile(int descriptor) : descriptor_(descriptor) {}
  void read_header(const Label& label);
  void read_exactly(base::MutableBytes out, std::uint64_t offset) const;

  int descriptor_;
  Header header_;
  std::uint64_t data_begin_ = 0;
};

/// Makes a file that is not there yet; where that fails, nothing is left of it. Returns 0 or errno.
int write_file(const std::string& path, base::Bytes header, base::Bytes data) noexcept;

}  // namespace penstock::storage::disk_cache
