#include "storage/get_now.h"

#include <future>
#include <memory>
#include <utility>

namespace penstock::storage {

Object get_now(Store& store, Request request) {
  // Held by the call too: it may still be within set_value() when the wait is over.
  const auto promise = std::make_shared<std::promise<base::Result<Object>>>();
  std::future<base::Result<Object>> future = promise->get_future();
  store.get(std::move(request), [promise](base::Result<Object> result) { promise->set_value(std::move(result)); });
  return future.get().take();
}

}  // namespace penstock::storage
