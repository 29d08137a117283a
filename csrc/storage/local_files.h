#pragma once

#include <string>

#include "storage/files.h"

namespace penstock::storage {

/// Files below a directory.
class LocalFiles final : public Files {
 public:
  explicit LocalFiles(std::string root);

  Object read(const std::string& key, std::optional<base::ByteRange> range) override;
  std::optional<std::uint64_t> known_size(const std::string& key) const override;

 private:
  std::string path(const std::string& key) const;

  std::string root_;
};

}  // namespace penstock::storage
