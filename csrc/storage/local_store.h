#pragma once

#include <string>

#include "storage/store.h"

namespace penstock::storage {

/// Files below a directory.
class LocalStore final : public Store {
 public:
  explicit LocalStore(std::string root);

  std::uint64_t size(const std::string& key) override;
  void read(const std::string& key, std::uint64_t offset, base::MutableBytes destination) override;

 private:
  std::string path(const std::string& key) const;

  std::string root_;
};

}  // namespace penstock::storage
