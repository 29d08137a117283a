#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace penstock::pipeline {

/// The samples of an epoch in the order in which they are loaded. There may be ten million: they stay where they are,
/// for as long as somebody refers to them, and nobody changes them.
class Order {
 public:
  /// `owner` keeps `samples` alive.
  Order(std::span<const std::int64_t> samples, std::shared_ptr<const void> owner)
      : samples_(samples), owner_(std::move(owner)) {}
  Order(std::vector<std::int64_t> samples)
      : Order(std::make_shared<const std::vector<std::int64_t>>(std::move(samples))) {}
  Order(std::initializer_list<std::int64_t> samples) : Order(std::vector<std::int64_t>(samples)) {}

  std::span<const std::int64_t> samples() const { return samples_; }

 private:
  explicit Order(std::shared_ptr<const std::vector<std::int64_t>> samples)
      : samples_(*samples), owner_(std::move(samples)) {}

  std::span<const std::int64_t> samples_;
  std::shared_ptr<const void> owner_;
};

}  // namespace penstock::pipeline
