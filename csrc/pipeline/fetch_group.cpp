#include "pipeline/fetch_group.h"

#include <map>
#include <numeric>
#include <utility>

namespace penstock::pipeline {
namespace {

void add_of_reader(std::vector<FetchGroup>& groups, const Slots& slots, std::size_t tensor, std::size_t first_slot) {
  FetchGroup group;
  group.tensor = tensor;
  group.whole = true;
  group.slots.resize(slots.items.size() - first_slot);
  std::iota(group.slots.begin(), group.slots.end(), first_slot);
  if (!group.slots.empty()) groups.push_back(std::move(group));
}

void add_of_chunks(std::vector<FetchGroup>& groups, const Wanted& wanted, std::size_t tensor, std::size_t first_slot,
                   const ReadSchedule& schedule) {
  const Slots& slots = wanted.slots(tensor);
  const format::ChunkIndex& index = wanted.sources()[tensor].index;
  const std::size_t planned_reads = wanted.samples().size();
  const std::size_t planned_slots = planned_reads == 0 ? 0 : slots.end(planned_reads - 1);
  std::map<std::uint32_t, FetchGroup> by_row;
  for (std::size_t slot = first_slot; slot < slots.items.size(); ++slot) {
    const std::uint32_t row = index.locate(slots.items[slot]).row;
    FetchGroup& group = by_row[row];
    group.tensor = tensor;
    group.row = row;
    group.whole = schedule.whole(tensor, row);
    group.planned = group.planned || slot < planned_slots;
    group.slots.push_back(slot);
  }
  for (auto& [row, group] : by_row) groups.push_back(std::move(group));
}

std::vector<std::int64_t> items_at(const Wanted& wanted, std::size_t tensor, const std::vector<std::size_t>& slots) {
  std::vector<std::int64_t> items;
  for (const std::size_t slot : slots) items.push_back(wanted.slots(tensor).items[slot]);
  return items;
}

/// Null where nothing of a tensor is kept.
KeptImages* covering(KeptImages* kept, const TensorSource& source) {
  return kept != nullptr && kept->covers(source) ? kept : nullptr;
}

/// One group's way to storage and back.
struct Fetching {
  const FetchGroup& group;
  Fetcher& fetcher;
  KeptImages* kept;  ///< null where nothing of the tensor is kept
  Fetched& fetched;
  Faults& faults;
  std::function<void(const Fetcher::ChunkPointer&)> opened;
  storage::Wanted wanted_still;
  std::function<void()> then;
  std::vector<std::size_t> slots = group.slots;  ///< what is to be fetched

  ~Fetching() { then(); }

  const Wanted& wanted() const { return std::as_const(fetched).wanted(); }
  const TensorSource& source() const { return wanted().sources()[group.tensor]; }
  std::int64_t item(std::size_t slot) const { return wanted().slots(group.tensor).items[slot]; }

  /// Takes what came for a slot, or keeps why nothing did.
  template <class Take>
  void set(std::size_t slot, const Take& take) noexcept {
    const FaultPlace place = wanted().place_of(group.tensor, slot);
    faults.attempt(place, [&] { wanted().named(place, [&] { fetched.set(group.tensor, slot, take()); }); });
  }

  /// What concerns the whole group is the fault of its first slot.
  void fail() noexcept {
    const std::exception_ptr error = std::current_exception();
    set(slots.front(), [&]() -> FetchedSample { std::rethrow_exception(error); });
  }
};
using FetchingPointer = std::shared_ptr<Fetching>;

void take_samples(const FetchingPointer& fetching, base::Result<FetchedSamples> result) noexcept {
  std::size_t number = 0;
  for (const std::size_t slot : fetching->slots) {
    fetching->set(slot, [&] {
      if (!result.sound()) return base::Result<FetchedSample>(result.error()).take();
      FetchedSample sample = result.value()[number].value();
      if (fetching->kept != nullptr) {
        fetching->kept->have_kept(fetching->group.tensor, fetching->source(), fetching->item(slot), sample);
      }
      return sample;
    });
    ++number;
  }
}

void read_samples(const FetchingPointer& fetching, const base::Result<Fetcher::ChunkPointer>& opened) noexcept {
  try {
    const FetchGroup& group = fetching->group;
    const base::Answer<FetchedSamples> answer(
        [fetching](base::Result<FetchedSamples> result) { take_samples(fetching, std::move(result)); });
    if (!opened.sound()) return answer.fail(opened.error());
    if (group.whole) fetching->opened(opened.value());
    std::vector<std::uint64_t> local_indices;
    const format::ChunkIndex& index = fetching->source().index;
    for (const std::size_t slot : fetching->slots) {
      local_indices.push_back(index.locate(fetching->item(slot)).local_index);
    }
    fetching->fetcher.read(group.tensor, group.row, opened.value(), local_indices, answer, fetching->wanted_still);
  } catch (...) {
    fetching->fail();
  }
}

void open_chunk(const FetchingPointer& fetching) {
  const FetchGroup& group = fetching->group;
  fetching->fetcher.open(
      group.tensor, group.row, group.whole,
      [fetching](const base::Result<Fetcher::ChunkPointer>& chunk) { read_samples(fetching, chunk); },
      fetching->wanted_still);
}

/// Gives `take` the samples that were found, with their slots; returns the slots of the others.
template <class Take>
std::vector<std::size_t> take_found(const std::vector<std::size_t>& slots, const KeptSamples& samples,
                                    const Take& take) {
  std::vector<std::size_t> missing;
  for (std::size_t i = 0; i < slots.size(); ++i) {
    if (samples[i]) {
      take(slots[i], *samples[i]);
    } else {
      missing.push_back(slots[i]);
    }
  }
  return missing;
}

/// Takes the items that were kept; the others are fetched.
void take_kept(const FetchingPointer& fetching, const base::Result<KeptSamples>& found) noexcept {
  try {
    const auto take = [&](std::size_t slot, const FetchedSample& sample) {
      fetching->set(slot, [&] { return sample; });
    };
    if (found.sound()) fetching->slots = take_found(fetching->slots, found.value(), take);
    if (!fetching->slots.empty()) open_chunk(fetching);
  } catch (...) {
    fetching->fail();
  }
}

void find_kept(const FetchingPointer& fetching) {
  const FetchGroup& group = fetching->group;
  const base::Answer<KeptSamples> answer(
      [fetching](const base::Result<KeptSamples>& found) { take_kept(fetching, found); });
  fetching->kept->find(group.tensor, fetching->source(), items_at(fetching->wanted(), group.tensor, group.slots),
                       answer);
}

void take_tiled(const FetchingPointer& fetching, base::Result<FetchedSample> result) noexcept {
  // A batch may hold the item more than once.
  for (const std::size_t slot : fetching->group.slots) {
    fetching->set(slot, [&] { return result.value(); });
  }
}

}  // namespace

std::vector<FetchGroup> group_by_chunk(const Wanted& wanted, std::size_t first_read, const ReadSchedule& schedule) {
  std::vector<FetchGroup> groups;
  for (std::size_t tensor = 0; tensor < wanted.sources().size(); ++tensor) {
    const Slots& slots = wanted.slots(tensor);
    if (wanted.sources()[tensor].reader != nullptr) {
      add_of_reader(groups, slots, tensor, slots.begin(first_read));
    } else {
      add_of_chunks(groups, wanted, tensor, slots.begin(first_read), schedule);
    }
  }
  return groups;
}

void fetch_group(const FetchGroup& group, Fetcher& fetcher, KeptImages* kept, Fetched& fetched, Faults& faults,
                 std::function<void(const Fetcher::ChunkPointer&)> opened, storage::Wanted wanted,
                 std::function<void()> then) noexcept {
  FetchingPointer fetching;
  try {
    fetching =
        std::make_shared<Fetching>(group, fetcher, kept, fetched, faults, std::move(opened), std::move(wanted), then);
  } catch (...) {
    faults.keep({}, std::current_exception());
    then();
    return;
  }
  try {
    const std::int64_t item = fetching->item(group.slots.front());
    const TensorSource& source = fetching->source();
    fetching->kept = covering(kept, source);
    if (source.index.tiles.contains(item)) {
      const base::Answer<FetchedSample> answer(
          [fetching](base::Result<FetchedSample> result) { take_tiled(fetching, std::move(result)); });
      fetcher.fetch_tiles(group.tensor, item, group.whole, answer, fetching->wanted_still);
    } else if (fetching->kept != nullptr) {
      find_kept(fetching);
    } else {
      open_chunk(fetching);
    }
  } catch (...) {
    fetching->fail();
  }
}

void fetch_of_reader(const FetchGroup& group, Fetcher& fetcher, KeptImages* kept, Fetched& fetched,
                     Faults& faults) noexcept {
  const Wanted& wanted = std::as_const(fetched).wanted();
  const TensorSource& source = wanted.sources()[group.tensor];
  kept = covering(kept, source);
  const auto attempt = [&](std::size_t slot, const auto& step) {
    const FaultPlace place = wanted.place_of(group.tensor, slot);
    faults.attempt(place, [&] { wanted.named(place, step); });
  };
  const auto take = [&](std::size_t slot, const FetchedSample& sample) { fetched.set(group.tensor, slot, sample); };
  std::vector<std::size_t> slots = group.slots;
  std::vector<SampleReader::Result> results;
  attempt(group.slots.front(), [&] {
    if (kept != nullptr) {
      // What covers tensors with a reader answers at once.
      KeptSamples samples(slots.size());
      kept->find(group.tensor, source, items_at(wanted, group.tensor, slots),
                 base::Answer<KeptSamples>([&](base::Result<KeptSamples> found) {
                   if (found.sound()) samples = found.take();
                 }));
      slots = take_found(slots, samples, take);
    }
    if (!slots.empty()) results = fetcher.read_now(group.tensor, items_at(wanted, group.tensor, slots));
  });
  for (std::size_t i = 0; i < results.size(); ++i) {
    attempt(slots[i], [&] {
      FetchedSample sample = results[i].take();
      if (kept != nullptr) kept->have_kept(group.tensor, source, wanted.slots(group.tensor).items[slots[i]], sample);
      fetched.set(group.tensor, slots[i], std::move(sample));
    });
  }
}

}  // namespace penstock::pipeline
