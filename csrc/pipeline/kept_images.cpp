#include "pipeline/kept_images.h"

#include <utility>

#include "decode/image_decoder.h"

namespace penstock::pipeline {

bool KeptImages::covers(const TensorSource& source) const {
  return source.format.is_image && !source.format.as_bytes && source.format.item_size == 1 &&
         decode::can_be_kept(source.format.sample_compression) && reaches(source);
}

void KeptImages::have_kept(std::size_t tensor, const TensorSource& source, std::int64_t item, FetchedSample& sample) {
  if (sample.raw || !has_room()) return;
  sample.keep = [this, tensor, &source, item, shape = sample.shape](base::OwnedBytes bytes) {
    try {
      keep(tensor, source, item, shape, std::move(bytes));
    } catch (...) {
      // It was a favour.
    }
  };
}

FetchedSample KeptImages::sample_of(base::Shape shape, base::Bytes bytes, std::shared_ptr<const void> owner) {
  return {.stored = bytes, .shape = std::move(shape), .owner = std::move(owner), .is_kept = true};
}

void KeptImages::count_found(const KeptSamples& samples) noexcept {
  for (const std::optional<FetchedSample>& sample : samples) {
    ++(sample ? stats_.coefficient_hits : stats_.coefficient_misses);
  }
}

void KeptImages::count_kept(std::uint64_t bytes) noexcept {
  ++stats_.coefficients_kept;
  stats_.coefficient_bytes += bytes;
}

}  // namespace penstock::pipeline
