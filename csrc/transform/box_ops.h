#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "transform/extent.h"

namespace penstock::transform {

/// Left, top, right, bottom in pixels.
using Box = std::array<float, 4>;
using Boxes = std::vector<Box>;
/// What a flip turns round.
enum class Direction : std::uint8_t { kNone, kHorizontal, kVertical, kDiagonal };

/// What decides whether a box that was moved and cut is kept.
struct BoxFilter {
  double min_bbox_size = 2;
  double min_area_ratio = 0.2;
  double max_aspect_ratio = 20;
};

/// Whether each row stays.
using Keep = std::vector<bool>;

/// numpy's, which let NaN through.
float least(float a, float b);
float greatest(float a, float b);
inline float clipped(float value, float low, float high) { return least(greatest(value, low), high); }

/// x * factor[0] and so on; x + `x` and so on. Each operation is rounded to float32.
void scale(Boxes& boxes, const std::array<float, 4>& factor);
void shift(Boxes& boxes, float x, float y);
void clip(Boxes& boxes, Extent extent);
void flip(Boxes& boxes, Extent extent, Direction direction);

/// Whether a part of each box lies inside of an image (MMDetection's find_inside_bboxes).
Keep inside(const Boxes& boxes, Extent extent);
/// Whether each box is larger than `width` and `height`.
Keep larger_than(const Boxes& boxes, double width, double height);
/// Whether each box is still worth keeping, against what it was before.
Keep passes(const Boxes& before, const Boxes& after, const BoxFilter& filter);
bool any(const Keep& keep);
std::size_t count(const Keep& keep);

/// Rows of a list with numpy's rules: a `Keep` has to be as long as the list, and numbers have to lie within it. Error
/// kTransform where numpy raises IndexError. `rows`: what they are, in a word.
void check_length(const char* rows, std::size_t length, const Keep& keep);
void check_within(const char* rows, std::size_t length, std::span<const std::size_t> numbers);
/// Numbers of the rows that stay (numpy's nonzero).
std::vector<std::size_t> kept(const Keep& keep);

template <class Row>
void select(const char* name, std::vector<Row>& rows, const Keep& keep) {
  check_length(name, rows.size(), keep);
  std::size_t kept = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (keep[i]) rows[kept++] = rows[i];
  }
  rows.resize(kept);
}

/// In any order and more than once.
template <class Row>
void take(const char* name, std::vector<Row>& rows, std::span<const std::size_t> numbers) {
  check_within(name, rows.size(), numbers);
  std::vector<Row> taken;
  taken.reserve(numbers.size());
  for (const std::size_t number : numbers) taken.push_back(rows[number]);
  rows = std::move(taken);
}

/// Intersection over union of one box with each of `boxes`, in float32.
std::vector<float> overlaps(const Box& box, const Boxes& boxes);

}  // namespace penstock::transform
