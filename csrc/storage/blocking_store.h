#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/thread_pool.h"
#include "storage/files.h"
#include "storage/store.h"

namespace penstock::storage {

/// Files as a store: they are read on threads, which other stores may share, in the order in which they were asked for.
class BlockingStore final : public Store {
 public:
  /// `bytes_worth_a_request`: see Store; this is a local disk's.
  static constexpr std::uint64_t kWorthALocalRequest = std::uint64_t{64} << 10;

  BlockingStore(std::shared_ptr<Files> files, std::shared_ptr<base::ThreadPool> threads,
                std::uint64_t bytes_worth_a_request = kWorthALocalRequest)
      : files_(std::move(files)), threads_(std::move(threads)), bytes_worth_a_request_(bytes_worth_a_request) {}
  ~BlockingStore() override;

  /// `count` threads for such stores, called "penstock-io-N".
  static std::shared_ptr<base::ThreadPool> make_threads(unsigned count);

  void get(Request request, Done done) noexcept override;
  std::optional<std::uint64_t> known_size(const std::string& key) const override { return files_->known_size(key); }
  std::uint64_t bytes_worth_a_request() const override { return bytes_worth_a_request_; }

  void begin_stop() noexcept override { threads_->begin_stop(); }
  bool stop(base::Deadline deadline) noexcept override { return threads_->stop(deadline); }
  void abandon(std::shared_ptr<const void> owner) noexcept override { threads_->abandon(std::move(owner)); }

 private:
  const std::shared_ptr<Files> files_;
  const std::shared_ptr<base::ThreadPool> threads_;
  const std::uint64_t bytes_worth_a_request_;
};

}  // namespace penstock::storage
