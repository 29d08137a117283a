#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "storage/store.h"

namespace penstock::storage {

/// A key of a JoinedStore: which of its stores, and the key there.
struct JoinedKey {
  std::size_t store = 0;
  std::string key;
};

/// Error kStorage where it is none of one that joins so many.
JoinedKey joined_key(const std::string& key, std::size_t stores);

/// Several stores as one: the key "<number>/<key>" is that key in the store of that number, from 0 on. Errors are those
/// of that store, which knows its keys without the number; kStorage for a number that is no store's.
class JoinedStore final : public Store {
 public:
  explicit JoinedStore(std::vector<std::shared_ptr<Store>> stores) : stores_(std::move(stores)) {}

  void get(Request request, Done done) noexcept override;
  std::optional<std::uint64_t> known_size(const std::string& key) const override;
  /// The most of any.
  std::uint64_t bytes_worth_a_request() const override;

  /// Of all together.
  std::vector<Count> counts() const override;

  void begin_stop() noexcept override;
  bool stop(base::Deadline deadline) noexcept override;
  void abandon(std::shared_ptr<const void> owner) noexcept override;

 private:
  struct Part {
    Store& store;
    std::string key;
  };
  Part part_of(const std::string& key) const;

  const std::vector<std::shared_ptr<Store>> stores_;
};

}  // namespace penstock::storage
