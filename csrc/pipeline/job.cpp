#include "pipeline/job.h"

#include <string>
#include <utility>

namespace penstock::pipeline {

void Job::fail(Place place, std::exception_ptr cause) noexcept {
  const std::lock_guard lock(error_mutex_);
  if (error_ != nullptr && error_place_ <= place) return;
  error_ = std::move(cause);
  error_place_ = place;
}

std::size_t Job::sound_samples() {
  const std::lock_guard lock(error_mutex_);
  return error_ == nullptr ? batch.indices.size() : error_place_.position;
}

Place Job::place_of(std::size_t tensor, std::size_t slot) const {
  const std::size_t read = slots[tensor].read_of(slot);
  return {reads[read].position, read, tensor, slot - slots[tensor].begin(read)};
}

void Job::name(base::Error& error, Place place, const TensorSource& source) const noexcept {
  try {
    if (error.kind() == base::ErrorKind::kTransform) {
      error.set_place({}, source.stored(batch.indices[place.position]), {});
      return;
    }
    const Slots& of_tensor = slots[place.tensor];
    const std::size_t slot = slot_of(place);
    const bool has_item = slot < of_tensor.end(place.read);  // a sequence may be empty
    error.set_place(source.format.name, source.stored(reads[place.read].sample),
                    has_item ? source.chunk_of(of_tensor.items[slot]) : std::string());
  } catch (...) {
    // No memory for the names: the error itself says more than that.
  }
}

std::exception_ptr Job::take_error() {
  const std::lock_guard lock(error_mutex_);
  return std::move(error_);
}

}  // namespace penstock::pipeline
