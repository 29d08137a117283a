#include "transform/masks/rasterize.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <utility>

#include "base/error.h"

namespace penstock::transform {
namespace {

// Note [COCO's pixels]: COCO's tools draw a polygon's outline on a grid five times as fine. Corners go to the grid by
// truncating 5 * c + 0.5. An edge has one grid point for each step along its longer axis, the shorter coordinate
// truncated from a + slope * step + 0.5, with `a` the end where the longer coordinate is smaller. Wherever the outline
// passes from grid column 5c + 2 to 5c + 3 or back, image column c has a border, at the smaller of the two points' y,
// which belongs to image row floor((y + 2) / 5), kept within the image. A pixel is inside when an odd number of its
// column's borders is at or above it.
//
// They walk the whole outline and sort what they find. Here each edge is asked only for those steps on which it
// passes such a place, one for each image column, by solving for the step and then evaluating the same expression in
// the same order around it. A border turns the byte of its pixel, and an exclusive or down the rows does the filling,
// whole rows at a time. What needs no thought: outlines are closed, so a column's borders are even in number, and no
// column's state runs over into the next; where truncation towards 0 tears an outline, coordinates are negative, and
// those columns are not in the image.

constexpr std::int32_t kGrid = 5;
constexpr double kLargest = 0x1p28;

struct GridPoint {
  std::int64_t x;
  std::int64_t y;
};

GridPoint grid_point(double x, double y) {
  return {static_cast<std::int64_t>(kGrid * x + 0.5), static_cast<std::int64_t>(kGrid * y + 0.5)};
}

/// Image columns c with first <= 5c + 2 < last, within the image.
struct Columns {
  std::int64_t begin;
  std::int64_t end;
};

Columns columns_between(std::int64_t first, std::int64_t last, std::int32_t width) {
  const auto from = [width](std::int64_t x) {
    return std::clamp<std::int64_t>(x <= 2 ? 0 : (x - 2 + kGrid - 1) / kGrid, 0, width);
  };
  return {from(first), from(last)};
}

std::int32_t row_of(std::int64_t grid_y, std::int32_t height) {
  return static_cast<std::int32_t>(std::clamp<std::int64_t>((grid_y + 2) / kGrid, 0, height));
}

/// One edge, from the end where its longer axis begins.
struct Edge {
  GridPoint start;
  std::int64_t steps;
  double slope;

  double at(std::int64_t step, std::int64_t from) const {
    return static_cast<double>(from) + slope * static_cast<double>(step) + 0.5;
  }
};

/// Calls `border` with column and row.
template <class Border>
void borders_of_flat_edge(const Edge& edge, Extent extent, Border border) {
  const Columns columns = columns_between(edge.start.x, edge.start.x + edge.steps, extent.width);
  for (std::int64_t c = columns.begin; c < columns.end; ++c) {
    const std::int64_t step = kGrid * c + 2 - edge.start.x;
    const double y = std::min(edge.at(step, edge.start.y), edge.at(step + 1, edge.start.y));
    border(c, row_of(static_cast<std::int64_t>(y), extent.height));
  }
}

template <class Border>
void borders_of_steep_edge(const Edge& edge, std::int64_t end_x, Extent extent, Border border) {
  if (edge.slope == 0) return;
  const bool rising = edge.slope > 0;
  const Columns columns = columns_between(std::min(edge.start.x, end_x), std::max(edge.start.x, end_x), extent.width);
  for (std::int64_t c = columns.begin; c < columns.end; ++c) {
    // The first step beyond the border; x grows or falls with the steps, rounding included.
    const auto place = static_cast<double>(kGrid * c + 3);
    const auto beyond = [&](std::int64_t step) { return (edge.at(step, edge.start.x) >= place) == rising; };
    const double guess = (place - 0.5 - static_cast<double>(edge.start.x)) / edge.slope;
    auto step = std::clamp<std::int64_t>(static_cast<std::int64_t>(guess), 1, edge.steps);
    while (step > 1 && beyond(step - 1)) --step;
    while (step < edge.steps && !beyond(step)) ++step;
    border(c, row_of(edge.start.y + step - 1, extent.height));
  }
}

template <class Border>
void borders_of_edge(GridPoint a, GridPoint b, Extent extent, Border border) {
  const std::int64_t width = std::abs(b.x - a.x);
  const std::int64_t height = std::abs(b.y - a.y);
  if (width >= height) {
    if (a.x > b.x) std::swap(a, b);
    if (width == 0) return;
    const Edge edge{a, width, static_cast<double>(b.y - a.y) / static_cast<double>(width)};
    borders_of_flat_edge(edge, extent, border);
  } else {
    if (a.y > b.y) std::swap(a, b);
    const Edge edge{a, height, static_cast<double>(b.x - a.x) / static_cast<double>(height)};
    borders_of_steep_edge(edge, b.x, extent, border);
  }
}

/// The polygons of one object on the grid.
class GridPolygons {
 public:
  GridPolygons(const PolygonLists& lists, std::size_t object) {
    const std::size_t first = lists.first_polygon(object);
    const std::size_t end = lists.end_polygon(object);
    if (first == end || lists.polygon(first).size() < 6) refuse(object, "has no polygon of three points or more");
    for (std::size_t number = first; number < end; ++number) {
      const std::span<const double> xy = lists.polygon(number);
      for (std::size_t i = 0; i + 1 < xy.size(); i += 2) {
        if (!(std::abs(xy[i]) <= kLargest && std::abs(xy[i + 1]) <= kLargest)) {
          refuse(object, "has a point at (" + std::to_string(xy[i]) + ", " + std::to_string(xy[i + 1]) + ")");
        }
        points_.push_back(grid_point(xy[i], xy[i + 1]));
      }
      ends_.push_back(points_.size());
    }
  }

  /// The part of the image in which there can be pixels.
  MaskPatch patch(Extent extent) const {
    const auto [left, right] = std::ranges::minmax(points_, {}, &GridPoint::x);
    const auto [top, bottom] = std::ranges::minmax(points_, {}, &GridPoint::y);
    const Columns columns = columns_between(left.x, right.x, extent.width);
    MaskPatch patch;
    patch.left = static_cast<std::int32_t>(columns.begin);
    patch.width = static_cast<std::int32_t>(columns.end - columns.begin);
    patch.top = row_of(top.y, extent.height);
    patch.height = row_of(bottom.y, extent.height) - patch.top;
    return patch;
  }

  std::size_t polygons() const { return ends_.size(); }

  template <class Border>
  void borders(std::size_t polygon, Extent extent, Border border) const {
    const std::size_t begin = polygon == 0 ? 0 : ends_[polygon - 1];
    for (std::size_t i = begin; i < ends_[polygon]; ++i) {
      const std::size_t next = i + 1 == ends_[polygon] ? begin : i + 1;
      borders_of_edge(points_[i], points_[next], extent, border);
    }
  }

 private:
  [[noreturn]] static void refuse(std::size_t object, const std::string& cause) {
    throw base::Error(base::ErrorKind::kDecode, "the mask of object " + std::to_string(object) + " " + cause,
                      "The annotation is damaged: replace it, or leave it out.");
  }

  std::vector<GridPoint> points_;
  std::vector<std::size_t> ends_;
};

/// Fills one polygon's pixels into rows of zeros.
void fill_polygon(const GridPolygons& polygons, std::size_t number, const MaskPatch& patch, Extent extent,
                  std::uint8_t* rows) {
  polygons.borders(number, extent, [&](std::int64_t column, std::int32_t row) {
    // A border below the last row that can have pixels is one at the image's lower edge, and encloses nothing.
    if (row >= patch.top + patch.height) return;
    const auto x = static_cast<std::size_t>(column - patch.left);
    rows[static_cast<std::size_t>(row - patch.top) * patch.stride + x] ^= 1;
  });
  fill_between_borders(rows, patch.width, patch.height, patch.stride);
}

void fill_object(const GridPolygons& polygons, const MaskPatch& patch, Extent extent, std::uint8_t* rows) {
  const std::size_t size = patch.stride * static_cast<std::size_t>(patch.height);
  if (size == 0) return;
  std::memset(rows, 0, size);
  fill_polygon(polygons, 0, patch, extent, rows);
  std::vector<std::uint8_t> other;
  for (std::size_t number = 1; number < polygons.polygons(); ++number) {
    other.assign(size, 0);
    fill_polygon(polygons, number, patch, extent, other.data());
    for (std::size_t i = 0; i < size; ++i) rows[i] |= other[i];
  }
}

}  // namespace

BitmapMasks rasterize(const PolygonLists& lists, Extent extent) {
  std::vector<GridPolygons> objects;
  MaskPatches masks{extent, {}, nullptr};
  for (std::size_t object = 0; object < lists.objects(); ++object) {
    objects.emplace_back(lists, object);
    masks.patches.push_back(objects.back().patch(extent));
  }
  allocate(masks);
  for (std::size_t object = 0; object < objects.size(); ++object) {
    const MaskPatch& patch = masks.patches[object];
    fill_object(objects[object], patch, extent, masks.bytes.get() + patch.offset);
  }
  return BitmapMasks(std::move(masks));
}

}  // namespace penstock::transform
