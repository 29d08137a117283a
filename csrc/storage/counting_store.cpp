#include "storage/counting_store.h"

namespace penstock::storage {

void CountingStore::get(Request request, Done done) noexcept {
  answering(std::move(done), [&](const base::Answer<Object>& answer) {
    inner_->get(std::move(request), [this, answer](base::Result<Object> result) {
      if (result.sound()) {
        const Object& object = result.value();
        stats_.bytes_read += object.bytes.size;
        ++stats_.reads;
        stats_.fetch_ns += static_cast<std::uint64_t>(object.took.count());
      }
      answer.give(std::move(result));
    });
  });
}

}  // namespace penstock::storage
