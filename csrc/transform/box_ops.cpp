#include "transform/box_ops.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/error.h"

namespace penstock::transform {

float least(float a, float b) { return std::isnan(a) || a < b ? a : b; }
float greatest(float a, float b) { return std::isnan(a) || a > b ? a : b; }

void scale(Boxes& boxes, const std::array<float, 4>& factor) {
  for (Box& box : boxes) {
    for (std::size_t i = 0; i < 4; ++i) box[i] *= factor[i];
  }
}

void shift(Boxes& boxes, float x, float y) {
  for (Box& box : boxes) {
    for (std::size_t i = 0; i < 4; i += 2) {
      box[i] += x;
      box[i + 1] += y;
    }
  }
}

void clip(Boxes& boxes, Extent extent) {
  const auto width = static_cast<float>(extent.width);
  const auto height = static_cast<float>(extent.height);
  for (Box& box : boxes) {
    for (std::size_t i = 0; i < 4; i += 2) {
      box[i] = clipped(box[i], 0, width);
      box[i + 1] = clipped(box[i + 1], 0, height);
    }
  }
}

void flip(Boxes& boxes, Extent extent, Direction direction) {
  const auto width = static_cast<float>(extent.width);
  const auto height = static_cast<float>(extent.height);
  for (Box& box : boxes) {
    const Box old = box;
    if (direction == Direction::kHorizontal || direction == Direction::kDiagonal) {
      box[0] = width - old[2];
      box[2] = width - old[0];
    }
    if (direction == Direction::kVertical || direction == Direction::kDiagonal) {
      box[1] = height - old[3];
      box[3] = height - old[1];
    }
  }
}

Keep inside(const Boxes& boxes, Extent extent) {
  Keep keep;
  for (const Box& box : boxes) {
    keep.push_back(box[0] < static_cast<float>(extent.width) && box[2] > 0 &&
                   box[1] < static_cast<float>(extent.height) && box[3] > 0);
  }
  return keep;
}

Keep larger_than(const Boxes& boxes, double width, double height) {
  Keep keep;
  for (const Box& box : boxes) {
    keep.push_back(box[2] - box[0] > static_cast<float>(width) && box[3] - box[1] > static_cast<float>(height));
  }
  return keep;
}

Keep passes(const Boxes& before, const Boxes& after, const BoxFilter& filter) {
  constexpr float kEpsilon = 1e-16F;
  Keep keep = larger_than(after, filter.min_bbox_size, filter.min_bbox_size);
  for (std::size_t i = 0; i < after.size(); ++i) {
    const float old_area = (before[i][2] - before[i][0]) * (before[i][3] - before[i][1]);
    const float width = after[i][2] - after[i][0];
    const float height = after[i][3] - after[i][1];
    const float aspect = greatest(width / (height + kEpsilon), height / (width + kEpsilon));
    keep[i] = keep[i] && width * height / (old_area + kEpsilon) > static_cast<float>(filter.min_area_ratio) &&
              aspect < static_cast<float>(filter.max_aspect_ratio);
  }
  return keep;
}

namespace {

constexpr const char* kFewerOrMore =
    "A step before has dropped or added boxes and not their masks, as MMDetection's RandomShift, Mosaic and MixUp do: "
    "leave the masks out, or that step.";

}  // namespace

void check_length(const char* rows, std::size_t length, const Keep& keep) {
  if (length == keep.size()) return;
  throw base::Error(
      base::ErrorKind::kTransform,
      "there are " + std::to_string(length) + " " + rows + " for " + std::to_string(keep.size()) + " objects",
      kFewerOrMore);
}

void check_within(const char* rows, std::size_t length, std::span<const std::size_t> numbers) {
  for (const std::size_t number : numbers) {
    if (number < length) continue;
    throw base::Error(
        base::ErrorKind::kTransform,
        "object " + std::to_string(number) + " is kept, and there are " + std::to_string(length) + " " + rows,
        kFewerOrMore);
  }
}

std::vector<std::size_t> kept(const Keep& keep) {
  std::vector<std::size_t> numbers;
  for (std::size_t i = 0; i < keep.size(); ++i) {
    if (keep[i]) numbers.push_back(i);
  }
  return numbers;
}

bool any(const Keep& keep) { return std::find(keep.begin(), keep.end(), true) != keep.end(); }
std::size_t count(const Keep& keep) { return static_cast<std::size_t>(std::count(keep.begin(), keep.end(), true)); }

std::vector<float> overlaps(const Box& box, const Boxes& boxes) {
  constexpr float kLeastUnion = 1e-6F;
  const float area = (box[2] - box[0]) * (box[3] - box[1]);
  std::vector<float> result;
  for (const Box& other : boxes) {
    const float other_area = (other[2] - other[0]) * (other[3] - other[1]);
    const float width = greatest(least(box[2], other[2]) - greatest(box[0], other[0]), 0);
    const float height = greatest(least(box[3], other[3]) - greatest(box[1], other[1]), 0);
    const float overlap = width * height;
    result.push_back(overlap / greatest(area + other_area - overlap, kLeastUnion));
  }
  return result;
}

}  // namespace penstock::transform
