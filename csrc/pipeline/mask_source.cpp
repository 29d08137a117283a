#include "pipeline/mask_source.h"

#include <array>
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

PolygonLists with_corners_for_none(const PolygonLists& stored, std::vector<std::uint8_t>& ignore_flags) {
  const PolygonLists sound = transform::without_short_polygons(stored);
  PolygonLists lists;
  for (std::size_t object = 0; object < sound.objects(); ++object) {
    for (std::size_t i = sound.first_polygon(object); i < sound.end_polygon(object); ++i) {
      lists.add_polygon(sound.polygon(i));
    }
    if (sound.first_polygon(object) == sound.end_polygon(object)) {
      lists.add_polygon(std::array<double, 6>{});
      ignore_flags[object] = 1;
    }
    lists.end_object();
  }
  return lists;
}

}  // namespace

Masks MaskSource::read(const FetchedSample& sample, const TensorSource& source, const transform::MaskChoice& choice,
                       transform::Extent extent, std::vector<std::uint8_t>* ignore_flags) const {
  if (polygons) {
    PolygonLists lists = transform::read_polygons(sample.stored, *polygons, choice);
    if (ignore_flags != nullptr) lists = with_corners_for_none(lists, *ignore_flags);
    if (bitmaps) return Masks(transform::rasterize(lists, extent));
    return Masks(PolygonMasks(transform::without_short_polygons(lists), extent));
  }
  if (choice.rows.empty() && choice.stored.value_or(0) == 0) return Masks(transform::masks_of_boxes({}, extent));
  const std::vector<std::byte> bytes = decoded(sample, source);
  return Masks(transform::read_bitmaps(bytes, sample.shape, true, extent, choice));
}

}  // namespace penstock::pipeline
