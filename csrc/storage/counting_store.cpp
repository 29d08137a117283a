#include "storage/counting_store.h"

#include <algorithm>

#include "base/trace.h"

namespace penstock::storage {
namespace {

/// A request as traces have it.
class Traced {
 public:
  Traced(std::uint16_t loader, const Request& request) {
    if (!base::trace::on()) return;
    event_ = {.name = base::trace::Name::kFetch, .loader = loader, .start = base::trace::now()};
    event_.key = base::trace::label(request.key);
    if (request.range) event_.first = request.range->begin;
  }
  void end(const base::Result<Object>& result) noexcept {
    if (event_.start == 0) return;
    const std::int64_t asked = event_.start;
    const std::int64_t end = base::trace::now();
    event_.duration = end - asked;
    if (result.sound()) {
      event_.bytes = result.value().bytes.size;
      // As stats count it: what the request waited before is not storage's work.
      event_.duration = std::min<std::int64_t>(event_.duration, result.value().took.count());
      event_.start = end - event_.duration;
      event_.second = static_cast<std::uint64_t>(event_.start - asked);
    } else {
      event_.error = base::trace::label_of(result.error());
    }
    base::trace::write(event_);
  }

 private:
  base::trace::Event event_;
};

}  // namespace

void CountingStore::get(Request request, Done done) noexcept {
  answering(std::move(done), [&](const base::Answer<Object>& answer) {
    const std::string key = observer_ ? request.key : std::string();
    Traced traced(stats_.loader, request);
    inner_->get(std::move(request), [this, key, answer, traced](base::Result<Object> result) mutable {
      traced.end(result);
      if (result.sound()) {
        const Object& object = result.value();
        stats_.bytes_read += object.bytes.size;
        ++stats_.reads;
        stats_.fetch_ns += static_cast<std::uint64_t>(object.took.count());
        if (observer_) observer_(key, object);
      }
      answer.give(std::move(result));
    });
  });
}

}  // namespace penstock::storage
