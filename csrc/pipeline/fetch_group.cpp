#include "pipeline/fetch_group.h"

#include <cstdint>
#include <map>
#include <numeric>
#include <utility>

namespace penstock::pipeline {
namespace {

void add_of_reader(std::vector<FetchGroup>& groups, const Slots& slots, std::size_t tensor, std::size_t first_slot) {
  FetchGroup group{tensor, true, std::vector<std::size_t>(slots.items.size() - first_slot)};
  std::iota(group.slots.begin(), group.slots.end(), first_slot);
  if (!group.slots.empty()) groups.push_back(std::move(group));
}

void add_of_chunks(std::vector<FetchGroup>& groups, const Slots& slots, std::size_t tensor, std::size_t first_slot,
                   const format::ChunkIndex& index, const ReadPolicy& policy) {
  std::map<std::uint32_t, FetchGroup> by_row;
  for (std::size_t slot = first_slot; slot < slots.items.size(); ++slot) {
    const std::uint32_t row = index.locate(slots.items[slot]).row;
    FetchGroup& group = by_row[row];
    group.tensor = tensor;
    group.whole = policy.whole(tensor, row);
    group.slots.push_back(slot);
  }
  for (auto& [row, group] : by_row) groups.push_back(std::move(group));
}

void fetch_at_once(const FetchGroup& group, Fetcher& fetcher, Fetched& fetched, Faults& faults) {
  const Wanted& wanted = std::as_const(fetched).wanted();
  const auto attempt = [&](std::size_t slot, const auto& step) {
    const FaultPlace place = wanted.place_of(group.tensor, slot);
    faults.attempt(place, [&] { wanted.named(place, step); });
  };
  std::vector<SampleReader::Result> results;
  attempt(group.slots.front(), [&] {
    std::vector<std::int64_t> samples;
    for (const std::size_t slot : group.slots) samples.push_back(wanted.slots(group.tensor).items[slot]);
    results = fetcher.read(group.tensor, samples);
  });
  for (std::size_t i = 0; i < results.size(); ++i) {
    attempt(group.slots[i], [&] { fetched.set(group.tensor, group.slots[i], results[i].take()); });
  }
}

}  // namespace

std::vector<FetchGroup> group_by_chunk(const Wanted& wanted, std::size_t first_read, const ReadPolicy& policy) {
  std::vector<FetchGroup> groups;
  for (std::size_t tensor = 0; tensor < wanted.sources().size(); ++tensor) {
    const TensorSource& source = wanted.sources()[tensor];
    const Slots& slots = wanted.slots(tensor);
    if (source.reader != nullptr) {
      add_of_reader(groups, slots, tensor, slots.begin(first_read));
    } else {
      add_of_chunks(groups, slots, tensor, slots.begin(first_read), source.index, policy);
    }
  }
  return groups;
}

void fetch_group(const FetchGroup& group, Fetcher& fetcher, Fetched& fetched, Faults& faults,
                 const std::function<bool()>& ended) {
  if (group.slots.empty()) return;
  const Wanted& wanted = std::as_const(fetched).wanted();
  if (wanted.sources()[group.tensor].reader != nullptr) return fetch_at_once(group, fetcher, fetched, faults);
  for (const std::size_t slot : group.slots) {
    if (ended()) return;
    const FaultPlace place = wanted.place_of(group.tensor, slot);
    faults.attempt(place, [&] {
      wanted.named(place, [&] {
        const std::int64_t item = wanted.slots(group.tensor).items[slot];
        fetched.set(group.tensor, slot, fetcher.fetch(group.tensor, item, group.whole));
      });
    });
  }
}

}  // namespace penstock::pipeline
