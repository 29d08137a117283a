#include "transform/masks/polygon_masks.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "base/error.h"

namespace penstock::transform {

void PolygonLists::add_polygon(std::span<const double> xy) {
  const std::span<const double> points = xy.first(xy.size() / 2 * 2);
  coordinates.insert(coordinates.end(), points.begin(), points.end());
  polygon_ends.push_back(coordinates.size());
}

std::span<const double> PolygonLists::polygon(std::size_t number) const {
  const std::size_t begin = number == 0 ? 0 : polygon_ends[number - 1];
  return std::span(coordinates).subspan(begin, polygon_ends[number] - begin);
}

PolygonLists without_short_polygons(const PolygonLists& lists) {
  PolygonLists kept;
  for (std::size_t object = 0; object < lists.objects(); ++object) {
    for (std::size_t i = lists.first_polygon(object); i < lists.end_polygon(object); ++i) {
      if (lists.polygon(i).size() >= 6) kept.add_polygon(lists.polygon(i));
    }
    kept.end_object();
  }
  return kept;
}

PolygonMasks::PolygonMasks(PolygonLists lists, Extent extent) : lists_(std::move(lists)), extent_(extent) {
  check_first();
}

void PolygonMasks::check_first() const {
  if (size() > 0 && lists_.end_polygon(0) == 0) {
    throw base::Error(base::ErrorKind::kTransform, "the first object's mask has no polygon of three points or more");
  }
}

template <class X, class Y>
void PolygonMasks::change(X x, Y y) {
  for (std::size_t i = 0; i + 1 < lists_.coordinates.size(); i += 2) {
    lists_.coordinates[i] = x(lists_.coordinates[i]);
    lists_.coordinates[i + 1] = y(lists_.coordinates[i + 1]);
  }
}

void PolygonMasks::translate(Extent extent, std::int32_t x, std::int32_t y) {
  const auto moved = [](std::int32_t by, std::int32_t edge) {
    return [by = static_cast<double>(by), edge = static_cast<double>(edge)](double value) {
      return std::clamp(value + by, 0.0, edge);
    };
  };
  change(moved(x, extent.width), moved(y, extent.height));
  extent_ = extent;
}

void PolygonMasks::append(const PolygonMasks& others) {
  for (std::size_t object = 0; object < others.size(); ++object) {
    for (std::size_t i = others.lists_.first_polygon(object); i < others.lists_.end_polygon(object); ++i) {
      lists_.add_polygon(others.lists_.polygon(i));
    }
    lists_.end_object();
  }
}

void PolygonMasks::resize(Extent wanted) {
  const double scale_x = static_cast<double>(wanted.width) / extent_.width;
  const double scale_y = static_cast<double>(wanted.height) / extent_.height;
  change([=](double x) { return x * scale_x; }, [=](double y) { return y * scale_y; });
  extent_ = wanted;
}

void PolygonMasks::flip(bool horizontal, bool vertical) {
  const double width = extent_.width;
  const double height = extent_.height;
  change([=](double x) { return horizontal ? width - x : x; }, [=](double y) { return vertical ? height - y : y; });
}

void PolygonMasks::pad(Extent extent, double /*value*/) { extent_ = extent; }

void PolygonMasks::crop(std::int32_t left, std::int32_t top, std::int32_t right, std::int32_t bottom) {
  left = std::clamp(left, 0, extent_.width);
  top = std::clamp(top, 0, extent_.height);
  const double from_x = left;
  const double from_y = top;
  change([=](double x) { return x - from_x; }, [=](double y) { return y - from_y; });
  extent_ = {std::max(std::clamp(bottom, 0, extent_.height) - top, 1),
             std::max(std::clamp(right, 0, extent_.width) - left, 1)};
}

void PolygonMasks::expand(Extent /*extent*/, std::int32_t /*left*/, std::int32_t /*top*/) {
  throw base::Error(base::ErrorKind::kTransform, "polygon masks cannot be expanded",
                    "Set poly2mask=True in LoadAnnotations, or leave out Expand.");
}

void PolygonMasks::select(std::span<const std::size_t> objects) {
  check_within("masks", size(), objects);
  PolygonLists selected;
  for (const std::size_t object : objects) {
    for (std::size_t i = lists_.first_polygon(object); i < lists_.end_polygon(object); ++i) {
      selected.add_polygon(lists_.polygon(i));
    }
    selected.end_object();
  }
  lists_ = std::move(selected);
  check_first();
}

namespace {

double shoelace_area(std::span<const double> xy) {
  double forward = 0;
  double backward = 0;
  for (std::size_t i = 0; i + 1 < xy.size(); i += 2) {
    const std::size_t before = i == 0 ? xy.size() - 2 : i - 2;
    forward += xy[i] * xy[before + 1];
    backward += xy[i + 1] * xy[before];
  }
  return 0.5 * std::abs(forward - backward);
}

}  // namespace

std::vector<double> PolygonMasks::areas() const {
  std::vector<double> areas;
  for (std::size_t object = 0; object < size(); ++object) {
    double area = 0;
    for (std::size_t i = lists_.first_polygon(object); i < lists_.end_polygon(object); ++i) {
      area += shoelace_area(lists_.polygon(i));
    }
    areas.push_back(area);
  }
  return areas;
}

Boxes PolygonMasks::boxes() const {
  Boxes boxes;
  for (std::size_t object = 0; object < size(); ++object) {
    Box box{static_cast<float>(extent_.width * 2), static_cast<float>(extent_.height * 2), 0, 0};
    for (std::size_t i = lists_.first_polygon(object); i < lists_.end_polygon(object); ++i) {
      const std::span<const double> xy = lists_.polygon(i);
      for (std::size_t axis = 0; axis < 2; ++axis) {
        for (std::size_t j = axis; j < xy.size(); j += 2) {
          const auto value = static_cast<float>(xy[j]);
          box[axis] = least(box[axis], value);
          box[axis + 2] = greatest(box[axis + 2], value);
        }
      }
    }
    boxes.push_back(box);
  }
  return boxes;
}

}  // namespace penstock::transform
