#include "pipeline/wanted.h"

#include <string>

namespace penstock::pipeline {

Wanted::Wanted(const std::vector<TensorSource>& sources, std::span<const std::int64_t> samples)
    : sources_(&sources), samples_(samples.begin(), samples.end()), slots_(sources.size()) {
  for (std::size_t position = 0; position < samples_.size(); ++position) add({samples_[position], position});
}

std::size_t Wanted::add(Read read) {
  for (std::size_t tensor = 0; tensor < slots_.size(); ++tensor) slots_[tensor].append(sources()[tensor], read.sample);
  reads_.push_back(read);
  return reads_.size() - 1;
}

FaultPlace Wanted::place_of(std::size_t tensor, std::size_t slot) const {
  const std::size_t read = slots_[tensor].read_of(slot);
  return {reads_[read].position, read, tensor, slot - slots_[tensor].begin(read)};
}

void Wanted::name(base::Error& error, FaultPlace place) const noexcept {
  try {
    const TensorSource& source = sources()[place.tensor];
    if (error.kind() == base::ErrorKind::kTransform) {
      error.set_place({}, source.stored(samples_[place.position]), {});
      return;
    }
    const Slots& slots = slots_[place.tensor];
    const std::size_t slot = slots.begin(place.read) + place.item;
    const bool has_item = slot < slots.end(place.read);  // a sequence may be empty
    error.set_place(source.format.name, source.stored(reads_[place.read].sample),
                    has_item ? source.chunk_of(slots.items[slot]) : std::string());
  } catch (...) {
    // No memory for the names: the error itself says more than that.
  }
}

}  // namespace penstock::pipeline
