#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "transform/box_ops.h"

namespace penstock::transform {

/// The polygons of a number of objects, one after another: x, y, x, y, ...
struct PolygonLists {
  std::vector<double> coordinates;
  std::vector<std::size_t> polygon_ends;  ///< how many coordinates there are up to the end of each polygon
  std::vector<std::size_t> object_ends;   ///< how many polygons there are up to the end of each object

  /// Adds to the object that is not yet ended. A coordinate without its partner is left out, as pycocotools does.
  void add_polygon(std::span<const double> xy);
  void end_object() { object_ends.push_back(polygon_ends.size()); }

  std::size_t objects() const { return object_ends.size(); }
  std::size_t first_polygon(std::size_t object) const { return object == 0 ? 0 : object_ends[object - 1]; }
  std::size_t end_polygon(std::size_t object) const { return object_ends[object]; }
  std::span<const double> polygon(std::size_t number) const;
};

/// Polygons of three points and more (LoadAnnotations.process_polygons).
PolygonLists without_short_polygons(const PolygonLists& lists);

/// Polygons of a number of objects on an image of one extent: MMDetection's PolygonMasks, in float64. Each operation
/// gives what MMDetection's gives, bit for bit; areas differ in the last bits. See "Design decisions" in
/// csrc/README.md. Error kTransform where MMDetection fails; so does it when the first of its objects has no polygon.
class PolygonMasks {
 public:
  PolygonMasks(PolygonLists lists, Extent extent);

  std::size_t size() const { return lists_.objects(); }
  Extent extent() const { return extent_; }
  const PolygonLists& lists() const { return lists_; }

  void resize(Extent extent);
  void flip(bool horizontal, bool vertical);
  /// Moves no point, whatever the value.
  void pad(Extent extent, double value = 0);
  /// Moves the points, and cuts none: they may lie outside of the image afterwards.
  void crop(std::int32_t left, std::int32_t top, std::int32_t right, std::int32_t bottom);
  /// Error kTransform: MMDetection cannot.
  void expand(Extent extent, std::int32_t left, std::int32_t top);

  /// Moves the points, and keeps them within a canvas of `extent`.
  void translate(Extent extent, std::int32_t x, std::int32_t y);
  /// Others behind these, which keep their extent.
  void append(const PolygonMasks& others);

  /// Takes objects by number, in any order and more than once. Error kTransform for a number that there is not.
  void select(std::span<const std::size_t> objects);

  /// Of all polygons of an object, by the shoelace formula.
  std::vector<double> areas() const;
  /// Around all points, at most (2 * width, 2 * height) at the upper left, at least (0, 0) at the lower right.
  Boxes boxes() const;

 private:
  /// x = x * scale_x + shift_x would round twice where MMDetection rounds once: each step is one operation.
  template <class X, class Y>
  void change(X x, Y y);
  void check_first() const;

  PolygonLists lists_;
  Extent extent_;
};

}  // namespace penstock::transform
