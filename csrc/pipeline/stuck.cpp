#include "pipeline/stuck.h"

#include <algorithm>

namespace penstock::pipeline {
namespace {

constexpr std::size_t kMostNamed = 3;

std::string batch_named(std::size_t batch) { return "batch " + std::to_string(batch) + " of this iteration "; }

}  // namespace

Stuck stuck_in_storage(std::size_t batch, const std::vector<std::string>& reads) {
  if (reads.empty()) return stuck_on_threads(batch, "has been read, and waits to be parsed");
  std::string text = batch_named(batch) + "waits for storage, which has not answered: ";
  const std::size_t named = std::min(reads.size(), kMostNamed);
  for (std::size_t i = 0; i < named; ++i) text += (i == 0 ? "" : ", ") + reads[i];
  if (reads.size() > named) text += " and " + std::to_string(reads.size() - named) + " more";
  return {text, "Raise timeout, or see whether the storage answers"};
}

Stuck stuck_on_threads(std::size_t batch, const std::string& where) {
  return {batch_named(batch) + where, "Raise timeout, or use smaller batches or more decoding threads (num_threads)"};
}

Stuck stuck_for_memory(std::size_t batch) {
  return {batch_named(batch) + "waits for memory, which other batches hold",
          "Raise timeout or memory_limit, or let go of batches earlier"};
}

}  // namespace penstock::pipeline
