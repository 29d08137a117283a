#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include "transform/steps/rules.h"

/// RandomAffine.
namespace penstock::transform::rules {
namespace {

using Matrix = std::array<float, 9>;  ///< row by row; MMDetection's matrices are float32

Matrix operator*(const Matrix& a, const Matrix& b) {
  Matrix product{};
  for (std::size_t row = 0; row < 3; ++row) {
    for (std::size_t column = 0; column < 3; ++column) {
      for (std::size_t i = 0; i < 3; ++i) product[3 * row + column] += a[3 * row + i] * b[3 * i + column];
    }
  }
  return product;
}

float single(double value) { return static_cast<float>(value); }

double radians(double degrees) { return degrees * (std::numbers::pi / 180); }

Matrix rotation(double degrees) {
  const float cosine = single(std::cos(radians(degrees)));
  const float sine = single(std::sin(radians(degrees)));
  return {cosine, -sine, 0, sine, cosine, 0, 0, 0, 1};
}

Matrix scaling(double ratio) { return {single(ratio), 0, 0, 0, single(ratio), 0, 0, 0, 1}; }

Matrix shearing(double x_degrees, double y_degrees) {
  return {1, single(std::tan(radians(x_degrees))), 0, single(std::tan(radians(y_degrees))), 1, 0, 0, 0, 1};
}

Matrix translation(double x, double y) { return {1, 0, single(x), 0, 1, single(y), 0, 0, 1}; }

/// The upright box around a box's four corners after the matrix.
Box warped(const Box& box, const Matrix& matrix) {
  const std::array<std::pair<float, float>, 4> corners{
      {{box[0], box[1]}, {box[0], box[3]}, {box[2], box[3]}, {box[2], box[1]}}};
  Box result{};
  for (std::size_t i = 0; i < corners.size(); ++i) {
    const auto [x, y] = corners[i];
    const float scale = matrix[6] * x + matrix[7] * y + matrix[8];
    const float new_x = (matrix[0] * x + matrix[1] * y + matrix[2]) / scale;
    const float new_y = (matrix[3] * x + matrix[4] * y + matrix[5]) / scale;
    if (i == 0) {
      result = {new_x, new_y, new_x, new_y};
    } else {
      result = {least(result[0], new_x), least(result[1], new_y), greatest(result[2], new_x),
                greatest(result[3], new_y)};
    }
  }
  return result;
}

/// Warps boxes and says which are kept; `keep` of none where there are none.
Keep warp_boxes(const step::RandomAffine& step, Boxes& boxes, const Matrix& matrix, float ratio, Extent extent) {
  Boxes scaled = boxes;
  scale(scaled, {ratio, ratio, ratio, ratio});
  for (Box& box : boxes) box = warped(box, matrix);
  if (step.bbox_clip_border) clip(boxes, extent);
  Keep keep = inside(boxes, extent);
  if (!step.skip_filter) {
    const Keep good = passes(scaled, boxes, step.filter);
    for (std::size_t i = 0; i < keep.size(); ++i) keep[i] = keep[i] && good[i];
  }
  return keep;
}

}  // namespace

bool apply(const step::RandomAffine& step, Sample& sample, Draws& draws) {
  const Extent extent{sample.extent.height + step.border[0] * 2, sample.extent.width + step.border[1] * 2};
  // Where a negative border leaves no pixels OpenCV keeps the image's own extent, and the boxes lie outside.
  const Extent drawn = extent.height < 1 || extent.width < 1 ? sample.extent : extent;
  const auto symmetric = [&](double bound) { return draws.uniform(-bound, bound); };
  const Matrix rotate = rotation(symmetric(step.max_rotate_degree));
  const double ratio = draws.uniform(step.scaling_ratio_range[0], step.scaling_ratio_range[1]);
  const double x_degrees = symmetric(step.max_shear_degree);
  const double y_degrees = symmetric(step.max_shear_degree);
  const double x = symmetric(step.max_translate_ratio) * extent.width;
  const double y = symmetric(step.max_translate_ratio) * extent.height;
  const Matrix matrix = translation(x, y) * shearing(x_degrees, y_degrees) * rotate * scaling(ratio);
  Warp warp{{}, drawn, step.border_val};
  std::copy(matrix.begin(), matrix.end(), warp.matrix.begin());
  sample.draw(warp);
  sample.meta.img_shape = drawn;
  if (sample.masks && !(sample.ignored.empty() && sample.boxes.empty())) {
    refuse("RandomAffine", "it supports boxes alone, not masks");
  }
  if (!sample.ignored.empty()) {
    const Keep keep = warp_boxes(step, sample.ignored, matrix, single(ratio), extent);
    select("ignored boxes", sample.ignored, keep);
  }
  if (!sample.boxes.empty()) {
    sample.keep_boxes(warp_boxes(step, sample.boxes, matrix, single(ratio), extent));
  }
  return true;
}

}  // namespace penstock::transform::rules
