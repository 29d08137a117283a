#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/stats.h"
#include "storage/store.h"

namespace penstock::storage {

/// Hands on to another store and counts what comes from it. What it counts in outlives its requests.
class CountingStore final : public Store {
 public:
  CountingStore(std::shared_ptr<Store> inner, base::Stats& stats) : inner_(std::move(inner)), stats_(stats) {}

  /// Told of every object that comes, before it is handed on; set before the first request.
  using Observer = std::function<void(const std::string& key, const Object&)>;
  void tell(Observer observer) { observer_ = std::move(observer); }

  void get(Request request, Done done) noexcept override;
  std::optional<std::uint64_t> known_size(const std::string& key) const override { return inner_->known_size(key); }
  std::uint64_t bytes_worth_a_request() const override { return inner_->bytes_worth_a_request(); }

  std::vector<Count> counts() const override { return inner_->counts(); }

  void begin_stop() noexcept override { inner_->begin_stop(); }
  bool stop(base::Deadline deadline) noexcept override { return inner_->stop(deadline); }
  void abandon(std::shared_ptr<const void> owner) noexcept override { inner_->abandon(std::move(owner)); }

 private:
  const std::shared_ptr<Store> inner_;
  base::Stats& stats_;
  Observer observer_;
};

}  // namespace penstock::storage
