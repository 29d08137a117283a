#pragma once

#include <string>

#include "base/stats.h"
#include "storage/store.h"

namespace penstock::storage {

/// Hands on to another store and counts what is read from it.
class MeteredStore final : public Store {
 public:
  MeteredStore(Store& inner, base::Stats& stats) : inner_(inner), stats_(stats) {}

  std::uint64_t size(const std::string& key) override { return inner_.size(key); }

  void read(const std::string& key, std::uint64_t offset, base::MutableBytes destination) override {
    inner_.read(key, offset, destination);
    stats_.bytes_read += destination.size();
    ++stats_.reads;
  }

 private:
  Store& inner_;
  base::Stats& stats_;
};

}  // namespace penstock::storage
