#include "pipeline/kept_in_memory.h"

#include <utility>

namespace penstock::pipeline {
namespace {

/// What an entry takes beside its bytes: of the map, of the allocator.
constexpr std::uint64_t kOfAnEntry = 192;

}  // namespace

void KeptInMemory::find(std::size_t tensor, const TensorSource& /*source*/, std::vector<std::int64_t> items,
                        const base::Answer<KeptSamples>& answer) noexcept {
  answer.give(base::Result<KeptSamples>::of([&] {
    KeptSamples samples(items.size());
    for (std::size_t i = 0; i < items.size(); ++i) {
      Part& part = part_of(items[i]);
      std::shared_ptr<const Entry> entry;
      {
        const std::lock_guard lock(part.mutex);
        if (tensor >= part.by_tensor.size()) continue;
        const auto found = part.by_tensor[tensor].find(items[i]);
        if (found == part.by_tensor[tensor].end()) continue;
        entry = found->second;
      }
      samples[i] = sample_of(entry->shape, entry->bytes.view(), entry);
    }
    count_found(samples);
    return samples;
  }));
}

void KeptInMemory::keep(std::size_t tensor, const TensorSource& /*source*/, std::int64_t item, const base::Shape& shape,
                        base::OwnedBytes bytes) {
  const std::uint64_t size = bytes.size + kOfAnEntry;
  if (bytes_.fetch_add(size) + size > limit_bytes_) {
    // A smaller one might still fit: that is worth less than what the others would cost.
    bytes_ -= size;
    is_full_ = true;
    return;
  }
  bool is_new = false;
  try {
    auto entry = std::make_shared<const Entry>(shape, std::move(bytes));
    Part& part = part_of(item);
    const std::lock_guard lock(part.mutex);
    if (part.by_tensor.size() <= tensor) part.by_tensor.resize(tensor + 1);
    is_new = part.by_tensor[tensor].emplace(item, std::move(entry)).second;
  } catch (...) {
    bytes_ -= size;
    throw;
  }
  if (is_new) {
    count_kept(size);
  } else {
    bytes_ -= size;  // it was decoded by two at a time
  }
}

}  // namespace penstock::pipeline
