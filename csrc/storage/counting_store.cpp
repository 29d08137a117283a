#include "storage/counting_store.h"

namespace penstock::storage {

void CountingStore::get(Request request, Done done) noexcept {
  answering(std::move(done), [&](const base::Answer<Object>& answer) {
    const std::string key = observer_ ? request.key : std::string();
    inner_->get(std::move(request), [this, key, answer](base::Result<Object> result) {
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
