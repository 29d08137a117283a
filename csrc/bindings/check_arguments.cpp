#include "bindings/check_arguments.h"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace penstock::bindings {
namespace {

void require(bool holds, const char* what) {
  if (!holds) throw std::invalid_argument(what);
}

void check_sequences(const format::SequenceIndex& sequences, std::int64_t items) {
  const std::size_t runs = sequences.lengths.size();
  require(sequences.first_item.size() == runs && sequences.last.size() == runs, "a sequence index has equal columns");
  std::int64_t first = 0;
  for (std::size_t run = 0; run < runs; ++run) {
    const std::int64_t count = sequences.last[run] - first + 1;
    const std::int64_t begin = sequences.first_item[run];
    std::int64_t held = 0;
    // Where a run of empty sequences begins is never asked.
    const bool fits = sequences.last[run] >= first && sequences.lengths[run] >= 0 &&
                      (sequences.lengths[run] == 0 ||
                       (begin >= 0 && begin <= items && !__builtin_mul_overflow(count, sequences.lengths[run], &held) &&
                        held <= items - begin));
    require(fits, "a sequence index names items that there are");
    first = sequences.last[run] + 1;
  }
}

std::int64_t samples_of(const pipeline::TensorSource& source) {
  if (!source.sequences) return source.index.samples();
  return source.sequences->last.empty() ? 0 : source.sequences->last.back() + 1;
}

void check_rows(const std::vector<std::int64_t>& offsets, std::size_t items, std::size_t rows) {
  if (offsets.empty()) {
    require(rows == 0, "annotations have offsets");
    return;
  }
  require(offsets.size() == items + 1 && offsets.front() == 0 && std::is_sorted(offsets.begin(), offsets.end()) &&
              static_cast<std::size_t>(offsets.back()) == rows,
          "offsets rise from 0 to the number of annotations, one more than there are items");
}

}  // namespace

void check_source(const pipeline::TensorSource& source) {
  const std::uint32_t item_size = source.format.item_size;
  require(item_size >= 1 && item_size <= 32, "item_size is 1 to 32 bytes");  // numpy's largest: two long doubles
  require(source.arrangement.changes_nothing() ||
              (source.format.is_image && !source.format.as_bytes && !source.format.is_bool && item_size <= 2),
          "images of one or two bytes a value are arranged");
  if (source.reader != nullptr) return;
  const format::ChunkIndex& index = source.index;
  require(index.last_index.size() == index.ids.size() && index.folder_of.size() == index.ids.size(),
          "a chunk index has equal columns");
  require(std::is_sorted(index.last_index.begin(), index.last_index.end()) &&
              (index.last_index.empty() || index.last_index.front() >= 0),
          "the last indices of chunks rise");
  for (const std::uint32_t folder : index.folder_of) require(folder < index.folders.size(), "each folder is known");
  for (const auto& [sample, tiling] : index.tiles) {
    require(sample >= 0 && sample < index.samples(), "a sample in tiles is one of the tensor's");
    require(tiling.sample.size() == tiling.tile.size() &&
                std::find(tiling.tile.begin(), tiling.tile.end(), 0U) == tiling.tile.end(),
            "tiles have the sample's dimensions and no empty one");
  }
  if (source.sequences) check_sequences(*source.sequences, index.samples());
}

void check_table(const transform::AnnotationTable& table) {
  const std::size_t boxes = table.boxes.size();
  require(std::is_sorted(table.indices.begin(), table.indices.end()), "indices rise");
  require(table.flags.size() == table.items(), "each item has a flag");
  check_rows(table.offsets, table.items(), boxes);
  check_rows(table.ignored_offsets, table.items(), table.ignored.size());
  require(table.labels.size() == boxes && table.mask_rows.size() == boxes, "each box has a label and a row of masks");
  require(table.ignore_flags.empty() || table.ignore_flags.size() == boxes, "each box has a flag, or none has");
  for (const std::int64_t row : table.mask_rows) require(row >= 0, "rows of masks are not negative");
  require(table.mask_counts.empty() || table.mask_counts.size() == table.items(), "each item has a number of masks");
  for (const std::int64_t count : table.mask_counts) require(count >= 0, "numbers of masks are not negative");
}

void check_samples(const std::vector<pipeline::TensorSource>& sources, std::span<const std::int64_t> samples) {
  if (samples.empty()) return;
  const auto [least, most] = std::minmax_element(samples.begin(), samples.end());
  for (const pipeline::TensorSource& source : sources) {
    const std::string message = "tensor '" + source.format.name + "' has not all of the samples";
    require(*least >= 0, message.c_str());
    std::int64_t first = *least;
    std::int64_t last = *most;
    if (source.view && source.view->list.empty()) {
      const pipeline::RowMap& view = *source.view;
      std::int64_t far = 0;
      require(!__builtin_mul_overflow(view.step, *most, &far) && !__builtin_add_overflow(view.start, far, &far),
              message.c_str());
      first = std::min(view.at(*least), far);
      last = std::max(view.at(*least), far);
    } else if (source.view) {
      const auto& list = source.view->list;
      require(static_cast<std::size_t>(*most) < list.size(), message.c_str());
      const auto [lowest, highest] = std::minmax_element(list.begin(), list.end());
      first = *lowest;
      last = *highest;
    }
    require(first >= 0 && (source.reader != nullptr || last < samples_of(source)), message.c_str());
  }
}

void check_detection(const pipeline::DetectionSpec& detection, const std::vector<pipeline::TensorSource>& sources) {
  require(detection.image < sources.size(), "image is the number of a tensor");
  if (detection.masks) require(detection.masks->tensor < sources.size(), "masks are the number of a tensor");
  check_samples(sources, detection.table.indices);
}

void check_ends(const std::vector<std::size_t>& ends, std::size_t samples) {
  require(std::is_sorted(ends.begin(), ends.end()) && (ends.empty() || ends.back() <= samples),
          "batch_ends rise, up to the order's length");
}

}  // namespace penstock::bindings
