#pragma once

#include "storage/store.h"

namespace penstock::storage {

/// The object that a request asks for. Keeps the thread waiting, so not for threads that answers come by. Throws what
/// the answer is in its place; kClosed once the store is told to stop.
Object get_now(Store& store, Request request);

}  // namespace penstock::storage
