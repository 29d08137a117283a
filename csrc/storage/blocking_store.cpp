#include "storage/blocking_store.h"

#include <chrono>
#include <utility>

#include "base/answer.h"
#include "base/error.h"
#include "base/trace.h"

namespace penstock::storage {
namespace {

Object timed_read(Files& files, const Request& request) {
  if (!is_wanted(request.wanted)) throw base::Error(base::ErrorKind::kClosed, "nobody waits for the read any more");
  base::trace::Span span(base::trace::Name::kRead);
  if (span.on()) span.event.key = base::trace::label(request.key);
  const auto start = std::chrono::steady_clock::now();
  try {
    Object object = files.read(request.key, request.range);
    object.took = std::chrono::steady_clock::now() - start;
    span.event.bytes = object.bytes.size;
    return object;
  } catch (...) {
    span.failed();
    throw;
  }
}

}  // namespace

BlockingStore::~BlockingStore() { stop(base::Deadline::max()); }

std::shared_ptr<base::ThreadPool> BlockingStore::make_threads(unsigned count) {
  return std::make_shared<base::ThreadPool>("penstock-io", count);
}

void BlockingStore::get(Request request, Done done) noexcept {
  answering(std::move(done), [&](const base::Answer<Object>& answer) {
    threads_->submit([files = files_, request = std::move(request), answer] {
      answer.give(base::Result<Object>::of([&] { return timed_read(*files, request); }));
    });
  });
}

}  // namespace penstock::storage
