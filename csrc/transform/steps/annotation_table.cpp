#include "transform/steps/annotation_table.h"

#include <algorithm>
#include <optional>

namespace penstock::transform {
namespace {

template <class Row>
std::vector<Row> rows_of(const std::vector<Row>& rows, const std::vector<std::int64_t>& offsets, std::size_t item) {
  if (offsets.empty()) return {};
  return {rows.begin() + offsets[item], rows.begin() + offsets[item + 1]};
}

}  // namespace

Annotations AnnotationTable::of(std::size_t item) const {
  const std::vector<std::int64_t> masks = rows_of(mask_rows, offsets, item);
  Annotations result{rows_of(boxes, offsets, item),
                     rows_of(ignored, ignored_offsets, item),
                     rows_of(labels, offsets, item),
                     {{masks.begin(), masks.end()}, std::nullopt},
                     std::nullopt};
  if (!ignore_flags.empty()) result.ignore_flags = rows_of(ignore_flags, offsets, item);
  if (!mask_counts.empty()) result.masks.stored = static_cast<std::size_t>(mask_counts[item]);
  return result;
}

std::size_t AnnotationTable::item_of(std::int64_t index) const {
  return static_cast<std::size_t>(std::lower_bound(indices.begin(), indices.end(), index) - indices.begin());
}

}  // namespace penstock::transform
