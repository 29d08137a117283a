#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "storage/store.h"

namespace penstock::storage {

/// Named, immutable byte strings whose reading keeps the thread waiting; BlockingStore makes a Store of them.
/// Thread-safe.
class Files {
 public:
  Files() = default;
  virtual ~Files() = default;
  Files(const Files&) = delete;
  Files& operator=(const Files&) = delete;

  /// As Store::get(), with the errors thrown.
  virtual Object read(const std::string& key, std::optional<base::ByteRange> range) = 0;
  /// As Store::known_size().
  virtual std::optional<std::uint64_t> known_size(const std::string& key) const = 0;
};

/// The part of `range` that an object of `size` bytes has; all of it where none is asked for.
inline base::ByteRange within(std::optional<base::ByteRange> range, std::uint64_t size) {
  if (!range) return {0, size};
  return {std::min(range->begin, size), std::min(range->end, size)};
}

}  // namespace penstock::storage
