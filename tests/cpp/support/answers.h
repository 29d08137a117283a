#pragma once

#include <future>
#include <memory>
#include <string>
#include <utility>

#include "storage/store.h"

namespace penstock::test {

/// Asks a store, for whoever can wait.
inline std::future<base::Result<storage::Object>> ask(storage::Store& store, storage::Request request) {
  auto promise = std::make_shared<std::promise<base::Result<storage::Object>>>();
  auto answer = promise->get_future();
  store.get(std::move(request),
            [promise](base::Result<storage::Object> result) { promise->set_value(std::move(result)); });
  return answer;
}

inline storage::Object read(storage::Store& store, std::string key,
                            std::optional<base::ByteRange> range = std::nullopt) {
  return ask(store, {std::move(key), range}).get().take();
}

}  // namespace penstock::test
