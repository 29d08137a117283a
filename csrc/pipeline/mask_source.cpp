#include "pipeline/mask_source.h"

#include <vector>

#include "pipeline/decode_sample.h"
#include "transform/masks/rasterize.h"

namespace penstock::pipeline {
namespace {

using transform::Masks;
using transform::PolygonLists;
using transform::PolygonMasks;

std::vector<std::byte> decoded(const FetchedSample& sample, const TensorSource& source) {
  std::vector<std::byte> bytes(base::checked_byte_count(output_shape(source, sample), source.format.item_size).value());
  decode_sample(source, sample, bytes);
  return bytes;
}

}  // namespace

Masks MaskSource::read(const FetchedSample& sample, const TensorSource& source, const transform::MaskChoice& choice,
                       transform::Extent extent) const {
  if (polygons) {
    const PolygonLists lists = transform::read_polygons(sample.stored, *polygons, choice);
    if (bitmaps) return Masks(transform::rasterize(lists, extent));
    return Masks(PolygonMasks(transform::without_short_polygons(lists), extent));
  }
  if (choice.rows.empty() && choice.stored.value_or(0) == 0) return Masks(transform::masks_of_boxes({}, extent));
  const std::vector<std::byte> bytes = decoded(sample, source);
  return Masks(transform::read_bitmaps(bytes, sample.shape, true, extent, choice));
}

}  // namespace penstock::pipeline
