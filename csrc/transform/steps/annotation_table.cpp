#include "transform/steps/annotation_table.h"

#include <algorithm>

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
  return {rows_of(boxes, offsets, item),
          rows_of(ignored, ignored_offsets, item),
          rows_of(labels, offsets, item),
          {masks.begin(), masks.end()}};
}

std::size_t AnnotationTable::item_of(std::int64_t index) const {
  return static_cast<std::size_t>(std::lower_bound(indices.begin(), indices.end(), index) - indices.begin());
}

}  // namespace penstock::transform
