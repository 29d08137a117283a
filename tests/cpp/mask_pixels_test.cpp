#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "support/expect_error.h"
#include "transform/masks/rasterize.h"

namespace penstock::transform {
namespace {

using test::kind_of;
using Xy = std::vector<double>;
using Pixels = std::vector<std::uint8_t>;

Pixels written(const BitmapMasks& masks) {
  Pixels bytes(masks.byte_count());
  masks.write(std::as_writable_bytes(std::span(bytes)));
  return bytes;
}

Pixels pixels_of(const std::vector<Xy>& polygons, Extent extent) {
  PolygonLists lists;
  for (const Xy& xy : polygons) lists.add_polygon(xy);
  lists.end_object();
  return written(rasterize(lists, extent));
}

/// The whole outline, grid point by grid point, as Note [COCO's pixels] describes it.
Pixels walked(const Xy& xy, Extent extent) {
  std::vector<std::pair<int, int>> outline;
  const auto corner = [&](std::size_t i) {
    const std::size_t at = i % (xy.size() / 2) * 2;
    return std::pair(static_cast<int>(5 * xy[at] + 0.5), static_cast<int>(5 * xy[at + 1] + 0.5));
  };
  for (std::size_t i = 0; i < xy.size() / 2; ++i) {
    const auto [ax, ay] = corner(i);
    const auto [bx, by] = corner(i + 1);
    const bool flat = std::abs(bx - ax) >= std::abs(by - ay);
    const int steps = flat ? std::abs(bx - ax) : std::abs(by - ay);
    const bool turned = flat ? ax > bx : ay > by;
    const int from_x = turned ? bx : ax;
    const int from_y = turned ? by : ay;
    const double slope = flat ? double(turned ? ay - by : by - ay) / steps : double(turned ? ax - bx : bx - ax) / steps;
    for (int step = 0; step <= steps && steps > 0; ++step) {
      const int at = turned ? steps - step : step;
      const auto other = static_cast<int>((flat ? from_y : from_x) + slope * at + 0.5);
      outline.emplace_back(flat ? from_x + at : other, flat ? other : from_y + at);
    }
  }
  std::vector<std::vector<int>> borders(static_cast<std::size_t>(extent.width));
  for (std::size_t i = 1; i < outline.size(); ++i) {
    const int x = std::min(outline[i].first, outline[i - 1].first);
    const int y = std::min(outline[i].second, outline[i - 1].second);
    if (outline[i].first == outline[i - 1].first || x < 0 || x % 5 != 2 || x / 5 >= extent.width) continue;
    const int row = static_cast<int>(std::ceil((y + 0.5) / 5 - 0.5));
    borders[static_cast<std::size_t>(x / 5)].push_back(std::clamp(row, 0, extent.height));
  }
  Pixels pixels;
  for (int y = 0; y < extent.height; ++y) {
    for (const auto& column : borders) {
      const auto above = std::count_if(column.begin(), column.end(), [y](int border) { return border <= y; });
      pixels.push_back(static_cast<std::uint8_t>(above % 2));
    }
  }
  return pixels;
}

TEST(Rasterize, GivesWhatTheWholeOutlineGives) {
  std::mt19937 random(7);
  std::uniform_real_distribution<double> fraction(0, 1);
  for (int round = 0; round < 4000; ++round) {
    const Extent extent{1 + round % 37, 1 + round % 41};
    const double spread = std::pow(10.0, 4 * fraction(random) - 1);
    const double unit = round % 3 == 0 ? 1 : round % 3 == 1 ? 0.1 : 1e-9;
    Xy xy;
    for (int i = 0; i < 2 * (3 + round % 12); ++i) {
      xy.push_back(std::round((15 + spread * (fraction(random) - 0.5)) / unit) * unit);
    }
    ASSERT_EQ(pixels_of({xy}, extent), walked(xy, extent)) << round;
  }
}

// pycocotools.mask.decode(merge(frPyObjects([[1, 1, 4, 1, 4, 3, 1, 3]], 4, 5)))
TEST(Rasterize, GivesCocosPixels) {
  EXPECT_EQ(pixels_of({{1, 1, 4, 1, 4, 3, 1, 3}}, {4, 5}), (Pixels{0, 0, 0, 0, 0,  //
                                                                   0, 1, 1, 1, 0,  //
                                                                   0, 1, 1, 1, 0,  //
                                                                   0, 0, 0, 0, 0}));
}

TEST(Rasterize, UnitesAnObjectsPolygons) {
  const Xy left{0, 0, 2, 0, 2, 2, 0, 2};
  const Xy right{1, 0, 3, 0, 3, 2, 1, 2};
  EXPECT_EQ(pixels_of({left, right}, {2, 4}), (Pixels{1, 1, 1, 0, 1, 1, 1, 0}));
  EXPECT_EQ(pixels_of({left, {}, {1, 1}}, {2, 4}), (Pixels{1, 1, 0, 0, 1, 1, 0, 0}));
}

TEST(Rasterize, CopesWithPolygonsFarAway) {
  EXPECT_EQ(pixels_of({{-2e8, -2e8, 2e8, -2e8, 2e8, 2e8, -2e8, 2e8}}, {2, 2}), (Pixels{1, 1, 1, 1}));
  EXPECT_EQ(pixels_of({{2e8, 2e8, 2.1e8, 2e8, 2e8, 2.1e8}}, {2, 2}), (Pixels{0, 0, 0, 0}));
  EXPECT_EQ(pixels_of({{0, -2.6e8, 1, 2.6e8, 1, -2.6e8}}, {1, 2}).size(), 2U);
  EXPECT_EQ(pixels_of({{0, 0, 1, 1, 2, 2}}, {0, 3}), Pixels{});
}

TEST(Rasterize, RefusesWhatIsNoPolygon) {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  for (const std::vector<Xy>& polygons : std::vector<std::vector<Xy>>{
           {}, {{1, 2, 3, 4}}, {{1, 2, 3, 4, kNan, 6}}, {{1, kInfinity, 3, 4, 5, 6}}, {{1, 2, 3, -1e9, 5, 6}}}) {
    EXPECT_EQ(kind_of([&] { pixels_of(polygons, {4, 4}); }), base::ErrorKind::kDecode);
  }
}

}  // namespace
}  // namespace penstock::transform
