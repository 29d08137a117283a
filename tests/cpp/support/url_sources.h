#pragma once

#include <atomic>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "storage/http/url_source.h"

namespace penstock::test {

/// URLs below one, with a query that says how often fresh credentials were asked for, which nobody is to see.
class QueryUrls final : public storage::UrlSource {
 public:
  explicit QueryUrls(std::string base, double valid_for = std::numeric_limits<double>::infinity())
      : base_(std::move(base)), valid_for_(valid_for) {}

  std::vector<storage::SignedUrl> sign(std::span<const std::string> keys, bool fresh) override {
    ++calls;
    if (fresh) ++generation;
    std::vector<storage::SignedUrl> urls;
    for (const std::string& key : keys) {
      urls.push_back({.url = base_ + key + "?signature=SECRET-" + std::to_string(generation), .valid_for = valid_for_});
    }
    return urls;
  }

  std::atomic<int> calls{0};
  std::atomic<int> generation{0};

 private:
  std::string base_;
  double valid_for_;
};

}  // namespace penstock::test
