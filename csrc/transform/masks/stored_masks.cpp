#include "transform/masks/stored_masks.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <numeric>
#include <optional>
#include <utility>

#include "base/error.h"

namespace penstock::transform {
namespace {

[[noreturn]] void damaged(const std::string& cause) {
  throw base::Error(base::ErrorKind::kDecode, cause, "The sample is damaged: replace it, or leave it out.");
}

std::vector<std::size_t> all_of(std::size_t count) {
  std::vector<std::size_t> objects(count);
  std::iota(objects.begin(), objects.end(), std::size_t{0});
  return objects;
}

void check_count(const MaskChoice& choice, std::size_t count) {
  if (choice.stored && *choice.stored != count) {
    damaged("there are " + std::to_string(count) + " masks for " + std::to_string(*choice.stored) + " boxes");
  }
  for (const std::size_t object : choice.rows) {
    if (object >= count) {
      damaged("object " + std::to_string(object) + " has no mask: there are " + std::to_string(count));
    }
  }
}

std::size_t item_size(Coordinate type) {
  switch (type) {
    case Coordinate::kInt16:
    case Coordinate::kUint16:
      return 2;
    case Coordinate::kFloat32:
    case Coordinate::kInt32:
    case Coordinate::kUint32:
      return 4;
    case Coordinate::kFloat64:
    case Coordinate::kInt64:
      break;
  }
  return 8;
}

template <class T>
void convert(base::Bytes stored, std::vector<double>& out) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    T value;
    std::memcpy(&value, stored.data() + i * sizeof(T), sizeof(T));
    out[i] = static_cast<double>(value);
  }
}

void load(base::Bytes stored, Coordinate type, std::vector<double>& out) {
  switch (type) {
    case Coordinate::kFloat32:
      return convert<float>(stored, out);
    case Coordinate::kFloat64:
      return convert<double>(stored, out);
    case Coordinate::kInt16:
      return convert<std::int16_t>(stored, out);
    case Coordinate::kInt32:
      return convert<std::int32_t>(stored, out);
    case Coordinate::kInt64:
      return convert<std::int64_t>(stored, out);
    case Coordinate::kUint16:
      return convert<std::uint16_t>(stored, out);
    case Coordinate::kUint32:
      return convert<std::uint32_t>(stored, out);
  }
}

std::size_t load_u16(base::Bytes bytes, std::size_t offset) {
  return std::to_integer<std::size_t>(bytes[offset]) | std::to_integer<std::size_t>(bytes[offset + 1]) << 8;
}

/// Where the points of each polygon end, counted in points, and where the coordinates begin.
struct PolygonTable {
  std::vector<std::size_t> ends;
  base::Bytes coordinates;
};

PolygonTable read_table(base::Bytes stored, std::size_t size) {
  PolygonTable table;
  if (stored.empty()) return table;
  const std::size_t count = stored.size() < 2 ? 0 : load_u16(stored, 0);
  const std::size_t start = 2 + 2 * count;
  if (stored.size() < start) {
    damaged(std::to_string(count) + " polygons cannot be in " + std::to_string(stored.size()) + " bytes");
  }
  std::size_t points = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t length = load_u16(stored, 2 + 2 * i);
    if (length == 0) damaged("a polygon has no points");
    table.ends.push_back(points += length);
  }
  if (count == 0) damaged("a polygon has no points");
  table.coordinates = stored.subspan(start);
  // At most 65535 polygons of 65535 points: the products fit.
  const std::size_t bytes = table.coordinates.size();
  if (bytes == 0 || bytes % (points * size) != 0) {
    damaged(std::to_string(bytes) + " bytes are not " + std::to_string(points) + " points of polygons");
  }
  if (bytes != points * size * 2) {
    throw base::Error(
        base::ErrorKind::kUnsupported,
        "the points of the polygons have " + std::to_string(bytes / (points * size)) + " coordinates; masks need two");
  }
  return table;
}

PolygonLists read_selected(const PolygonTable& table, Coordinate type, std::span<const std::size_t> objects) {
  const std::size_t size = item_size(type);
  PolygonLists lists;
  std::vector<double> polygon;
  for (const std::size_t object : objects) {
    const std::size_t begin = object == 0 ? 0 : table.ends[object - 1];
    const std::size_t points = table.ends[object] - begin;
    polygon.resize(2 * points);
    load(table.coordinates.subspan(2 * begin * size, 2 * points * size), type, polygon);
    lists.add_polygon(polygon);
    lists.end_object();
  }
  return lists;
}

}  // namespace

PolygonLists read_polygons(base::Bytes stored, Coordinate type) {
  const PolygonTable table = read_table(stored, item_size(type));
  return read_selected(table, type, all_of(table.ends.size()));
}

PolygonLists read_polygons(base::Bytes stored, Coordinate type, const MaskChoice& choice) {
  const PolygonTable table = read_table(stored, item_size(type));
  check_count(choice, table.ends.size());
  return read_selected(table, type, choice.rows);
}

namespace {

/// How many objects there are, in an array that is what it claims to be.
std::size_t checked_objects(base::Bytes stored, const base::Shape& shape, Extent extent) {
  if (shape.size() != 2 && shape.size() != 3) {
    throw base::Error(base::ErrorKind::kUnsupported,
                      "masks of " + std::to_string(shape.size()) + " dimensions; they need (height, width, objects)");
  }
  const std::size_t count = shape.size() == 3 ? shape[2] : 1;
  const std::optional<std::uint64_t> needed = base::checked_byte_count(shape, 1);
  if (!needed || stored.size() != *needed) {
    damaged("the masks have " + std::to_string(stored.size()) + " bytes, which is not what their shape needs");
  }
  // A sample without objects has whatever height and width its writer gave it.
  if (count > 0 &&
      (shape[0] != static_cast<std::uint32_t>(extent.height) || shape[1] != static_cast<std::uint32_t>(extent.width))) {
    damaged("the masks are " + std::to_string(shape[1]) + "x" + std::to_string(shape[0]) + ", the image is " +
            std::to_string(extent.width) + "x" + std::to_string(extent.height));
  }
  return count;
}

template <class Convert>
void take_object(const std::uint8_t* in, std::size_t step, std::size_t count, std::uint8_t* out, Convert convert) {
  for (std::size_t i = 0; i < count; ++i) out[i] = convert(in[i * step]);
}

BitmapMasks take_objects(base::Bytes stored, std::size_t count, bool is_bool, Extent extent,
                         std::span<const std::size_t> objects) {
  MaskPatches masks{extent, {}, nullptr};
  masks.patches.assign(objects.size(), {0, 0, extent.width, extent.height, 0, 0});
  allocate(masks);
  const auto width = static_cast<std::size_t>(extent.width);
  const auto* in = reinterpret_cast<const std::uint8_t*>(stored.data());
  // Row by row, so that a row of all objects is read from the cache as often as there are objects.
  for (std::size_t y = 0; y < static_cast<std::size_t>(extent.height); ++y, in += width * count) {
    for (std::size_t i = 0; i < objects.size(); ++i) {
      std::uint8_t* const out = masks.bytes.get() + masks.patches[i].offset + y * width;
      if (is_bool) {
        take_object(in + objects[i], count, width, out, [](std::uint8_t byte) { return std::uint8_t{byte != 0}; });
      } else {
        take_object(in + objects[i], count, width, out, [](std::uint8_t byte) { return byte; });
      }
    }
  }
  for (MaskPatch& patch : masks.patches) tighten(masks, patch);
  return BitmapMasks(std::move(masks));
}

}  // namespace

BitmapMasks read_bitmaps(base::Bytes stored, const base::Shape& shape, bool is_bool, Extent extent) {
  const std::size_t count = checked_objects(stored, shape, extent);
  return take_objects(stored, count, is_bool, extent, all_of(count));
}

BitmapMasks read_bitmaps(base::Bytes stored, const base::Shape& shape, bool is_bool, Extent extent,
                         const MaskChoice& choice) {
  const std::size_t count = checked_objects(stored, shape, extent);
  check_count(choice, count);
  return take_objects(stored, count, is_bool, extent, choice.rows);
}

}  // namespace penstock::transform
