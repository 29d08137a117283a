#include "transform/masks/polygon_masks.h"

#include <gtest/gtest.h>

#include "support/expect_error.h"

namespace penstock::transform {
namespace {

using test::kind_of;
using Xy = std::vector<double>;

PolygonLists lists_of(const std::vector<std::vector<Xy>>& objects) {
  PolygonLists lists;
  for (const auto& polygons : objects) {
    for (const Xy& xy : polygons) lists.add_polygon(xy);
    lists.end_object();
  }
  return lists;
}

const Xy kTriangle{1, 2, 5, 2, 5, 6};
const Xy kSquare{0, 0, 2, 0, 2, 2, 0, 2};

PolygonMasks two_objects() { return PolygonMasks(lists_of({{kTriangle}, {kSquare, kTriangle}}), {10, 20}); }

Xy first_of(const PolygonMasks& masks) {
  const auto xy = masks.lists().polygon(0);
  return {xy.begin(), xy.end()};
}

TEST(PolygonMasks, MoveTheirPoints) {
  PolygonMasks masks = two_objects();
  masks.resize({5, 60});
  EXPECT_EQ(first_of(masks), (Xy{3, 1, 15, 1, 15, 3}));
  masks.flip(true, false);
  EXPECT_EQ(first_of(masks), (Xy{57, 1, 45, 1, 45, 3}));
  masks.flip(false, true);
  EXPECT_EQ(first_of(masks), (Xy{57, 4, 45, 4, 45, 2}));
  masks.crop(50, -3, 99, 2);
  EXPECT_EQ(first_of(masks), (Xy{7, 4, -5, 4, -5, 2}));
  EXPECT_EQ(masks.extent(), (Extent{2, 10}));
  masks.pad({32, 32}, 3);
  EXPECT_EQ(first_of(masks), (Xy{7, 4, -5, 4, -5, 2}));
  EXPECT_EQ(masks.extent(), (Extent{32, 32}));
}

TEST(PolygonMasks, AreMovedOnACanvas) {
  PolygonMasks masks = two_objects();
  masks.translate({5, 30}, 3, -3);
  EXPECT_EQ(first_of(masks), (Xy{4, 0, 8, 0, 8, 3}));
  EXPECT_EQ(masks.extent(), (Extent{5, 30}));
  masks.translate({5, 6}, 0, 9);
  EXPECT_EQ(first_of(masks), (Xy{4, 5, 6, 5, 6, 5}));
}

TEST(PolygonMasks, TakeOthersBehindThem) {
  PolygonMasks masks(lists_of({{kTriangle}}), {7, 7});
  masks.append(two_objects());
  EXPECT_EQ(masks.size(), 3U);
  EXPECT_EQ(masks.extent(), (Extent{7, 7}));
  EXPECT_EQ(masks.areas(), (std::vector<double>{8, 8, 12}));
}

TEST(PolygonMasks, MeasureAreasAndBoxes) {
  EXPECT_EQ(two_objects().areas(), (std::vector<double>{8, 12}));
  EXPECT_EQ(two_objects().boxes(), (Boxes{{1, 2, 5, 6}, {0, 0, 5, 6}}));
}

TEST(PolygonMasks, BoundTheirBoxesByTheImageInMmdetsWay) {
  const PolygonMasks masks(lists_of({{{-5, 99, -7, 99, -7, 120}}}), {10, 20});
  EXPECT_EQ(masks.boxes(), (Boxes{{-7, 20, 0, 120}}));
}

TEST(PolygonMasks, SelectObjects) {
  PolygonMasks masks = two_objects();
  masks.select(std::vector<std::size_t>{1, 1, 0});
  EXPECT_EQ(masks.areas(), (std::vector<double>{12, 12, 8}));
  masks.select(kept(Keep{false, false, true}));
  EXPECT_EQ(masks.areas(), std::vector<double>{8});
  EXPECT_EQ(first_of(masks), kTriangle);
  masks.select(kept(Keep{false}));
  EXPECT_EQ(masks.size(), 0U);
}

TEST(PolygonMasks, NeedAPolygonInTheFirstObject) {
  const PolygonLists lists = without_short_polygons(lists_of({{kTriangle, {1, 2, 3, 4}}, {{1, 2, 3, 4, 5}}}));
  EXPECT_EQ(lists.object_ends, (std::vector<std::size_t>{1, 1}));
  PolygonMasks masks(lists, {10, 20});
  EXPECT_EQ(masks.areas(), (std::vector<double>{8, 0}));
  EXPECT_EQ(kind_of([&] { masks.select(kept(Keep{false, true})); }), base::ErrorKind::kTransform);
}

TEST(PolygonMasks, CannotBeExpanded) {
  PolygonMasks masks = two_objects();
  EXPECT_EQ(kind_of([&] { masks.expand({20, 40}, 1, 1); }), base::ErrorKind::kTransform);
}

}  // namespace
}  // namespace penstock::transform
