#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.h"

namespace penstock::storage {

/// Where chunks lie: named, immutable byte strings. Keys are relative, with '/' between parts. Thread-safe.
class Store {
 public:
  virtual ~Store() = default;

  /// Length in bytes. Error kChunkNotFound where there is no such key, kStorage on any other failure.
  virtual std::uint64_t size(const std::string& key) = 0;

  /// Fills `destination` from `offset` on. Errors as above, and kChunkFormat where the object ends too early.
  virtual void read(const std::string& key, std::uint64_t offset, base::MutableBytes destination) = 0;
};

}  // namespace penstock::storage
