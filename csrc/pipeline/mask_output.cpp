#include "pipeline/mask_output.h"

#include <cstdint>
#include <cstring>
#include <vector>

namespace penstock::pipeline {
namespace {

using transform::Masks;
using transform::PolygonLists;
using transform::PolygonMasks;

std::vector<std::int64_t> ends_of(const Masks& masks) {
  const transform::Extent extent = masks.extent();
  std::vector<std::int64_t> ends{extent.height, extent.width, static_cast<std::int64_t>(masks.size()), 0};
  if (const PolygonMasks* polygons = masks.polygons()) {
    const PolygonLists& lists = polygons->lists();
    ends[3] = static_cast<std::int64_t>(lists.polygon_ends.size());
    ends.insert(ends.end(), lists.object_ends.begin(), lists.object_ends.end());
    ends.insert(ends.end(), lists.polygon_ends.begin(), lists.polygon_ends.end());
  }
  return ends;
}

std::uint32_t extent32(std::size_t value) { return static_cast<std::uint32_t>(value); }

}  // namespace

MaskShapes mask_shapes(const Masks& masks) {
  MaskShapes shapes;
  shapes.ends = {extent32(ends_of(masks).size())};
  if (const PolygonMasks* polygons = masks.polygons()) {
    shapes.values = {extent32(polygons->lists().coordinates.size())};
  } else {
    const transform::Extent extent = masks.extent();
    shapes.values = {extent32(masks.size()), static_cast<std::uint32_t>(extent.height),
                     static_cast<std::uint32_t>(extent.width)};
  }
  return shapes;
}

void write_masks(const Masks& masks, std::byte* values, std::byte* ends) {
  const std::vector<std::int64_t> numbers = ends_of(masks);
  std::memcpy(ends, numbers.data(), numbers.size() * sizeof(std::int64_t));
  if (const PolygonMasks* polygons = masks.polygons()) {
    const std::vector<double>& coordinates = polygons->lists().coordinates;
    if (!coordinates.empty()) std::memcpy(values, coordinates.data(), coordinates.size() * sizeof(double));
  } else {
    masks.bitmaps()->write({values, masks.bitmaps()->byte_count()});
  }
}

}  // namespace penstock::pipeline
