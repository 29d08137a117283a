#pragma once

#include <memory>
#include <utility>

#include "storage/blocking_store.h"
#include "storage/files.h"

namespace penstock::test {

/// Files as a store with threads of its own, which ends with whoever uses it.
inline std::shared_ptr<storage::Store> opened(std::shared_ptr<storage::Files> files, unsigned threads = 2) {
  return std::make_shared<storage::BlockingStore>(std::move(files), storage::BlockingStore::make_threads(threads));
}

}  // namespace penstock::test
