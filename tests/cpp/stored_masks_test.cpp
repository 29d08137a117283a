#include "transform/masks/stored_masks.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "support/expect_error.h"

namespace penstock::transform {
namespace {

using test::kind_of;

template <class T>
std::vector<std::byte> stored(const std::vector<std::vector<T>>& polygons) {
  std::vector<std::byte> bytes;
  const auto add = [&bytes](const auto& value) {
    const auto view = std::as_bytes(std::span(&value, 1));
    bytes.insert(bytes.end(), view.begin(), view.end());
  };
  add(static_cast<std::uint16_t>(polygons.size()));
  for (const auto& xy : polygons) add(static_cast<std::uint16_t>(xy.size() / 2));
  for (const auto& xy : polygons) {
    for (const T value : xy) add(value);
  }
  return bytes;
}

TEST(ReadPolygons, MakesEachAnObject) {
  const auto bytes = stored<float>({{1, 2, 3, 4, 5, 6.5F}, {7, 8}});
  const PolygonLists lists = read_polygons(bytes, Coordinate::kFloat32);
  EXPECT_EQ(lists.object_ends, (std::vector<std::size_t>{1, 2}));
  EXPECT_EQ(lists.coordinates, (std::vector<double>{1, 2, 3, 4, 5, 6.5, 7, 8}));
  EXPECT_EQ(read_polygons(bytes, Coordinate::kFloat32, {{1}, {}}).coordinates, (std::vector<double>{7, 8}));
  EXPECT_EQ(read_polygons(stored<std::int64_t>({{-1, 2}}), Coordinate::kInt64).coordinates,
            (std::vector<double>{-1, 2}));
  EXPECT_EQ(read_polygons({}, Coordinate::kFloat64).objects(), 0U);
}

TEST(ReadPolygons, RefusesEveryPartOfASample) {
  const auto bytes = stored<float>({{1, 2, 3, 4, 5, 6}, {7, 8}});
  for (std::size_t length = 1; length < bytes.size(); ++length) {
    // Half of the coordinates are whole points of one axis: sound, and no mask.
    const bool one_axis = length == bytes.size() - 16;
    EXPECT_EQ(kind_of([&] { read_polygons(base::Bytes(bytes).first(length), Coordinate::kFloat32); }),
              one_axis ? base::ErrorKind::kUnsupported : base::ErrorKind::kDecode)
        << length;
  }
}

TEST(ReadPolygons, SurvivesRandomBytes) {
  std::mt19937 random(1);
  for (int round = 0; round < 20000; ++round) {
    std::vector<std::byte> bytes(random() % 60);
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(random() % 4);
    try {
      const PolygonLists lists = read_polygons(bytes, Coordinate::kInt16);
      EXPECT_EQ(lists.polygon_ends.size(), lists.objects());
    } catch (const base::Error& error) {
      EXPECT_TRUE(error.kind() == base::ErrorKind::kDecode || error.kind() == base::ErrorKind::kUnsupported);
    }
  }
}

std::vector<std::uint8_t> written(const BitmapMasks& masks) {
  std::vector<std::uint8_t> bytes(masks.byte_count());
  masks.write(std::as_writable_bytes(std::span(bytes)));
  return bytes;
}

const std::vector<std::uint8_t> kTwoObjects{1, 0, 0, 2, 3, 0, 0, 0, 0, 5, 0, 0};  // 2 x 3 x 2

TEST(ReadBitmaps, TurnsObjectsOutward) {
  const auto bytes = std::as_bytes(std::span(kTwoObjects));
  EXPECT_EQ(written(read_bitmaps(bytes, {2, 3, 2}, false, {2, 3})),
            (std::vector<std::uint8_t>{1, 0, 3, 0, 0, 0, 0, 2, 0, 0, 5, 0}));
  EXPECT_EQ(written(read_bitmaps(bytes, {2, 3, 2}, true, {2, 3}, {{1}, {}})),
            (std::vector<std::uint8_t>{0, 1, 0, 0, 1, 0}));
  EXPECT_EQ(written(read_bitmaps(bytes, {4, 3}, false, {4, 3})), kTwoObjects);
  EXPECT_EQ(read_bitmaps({}, {0, 0, 0}, false, {2, 3}).size(), 0U);
}

TEST(ReadBitmaps, RefusesWhatContradictsItself) {
  const auto bytes = std::as_bytes(std::span(kTwoObjects));
  const auto kind = [&](const base::Shape& shape, Extent extent) {
    return kind_of([&] { read_bitmaps(bytes, shape, false, extent); });
  };
  EXPECT_EQ(kind({2, 3, 3}, {2, 3}), base::ErrorKind::kDecode);
  EXPECT_EQ(kind({3, 2, 2}, {2, 3}), base::ErrorKind::kDecode);
  EXPECT_EQ(kind({UINT32_MAX, UINT32_MAX, UINT32_MAX}, {2, 3}), base::ErrorKind::kDecode);
  EXPECT_EQ(kind({12}, {2, 3}), base::ErrorKind::kUnsupported);
  EXPECT_EQ(kind_of([&] { read_bitmaps(bytes, {2, 3, 2}, false, {2, 3}, {{2}, {}}); }), base::ErrorKind::kDecode);
}

}  // namespace
}  // namespace penstock::transform
