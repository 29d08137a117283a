#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "transform/box_ops.h"
#include "transform/masks/mask_choice.h"
#include "transform/masks/masks.h"
#include "transform/pixels/pixel_plan.h"
#include "transform/steps/draws.h"
#include "transform/steps/steps.h"

namespace penstock::transform {

/// What MMDetection notes of a sample on its way through a pipeline; what no step has set is absent.
struct Meta {
  Extent ori_shape;
  Extent img_shape;
  std::optional<Extent> pad_shape;
  std::optional<step::Pair> scale_factor;  ///< width, height
  std::optional<double> wanted_factor;     ///< MultiScaleFlipAug's, until Resize has made a scale of it
  std::optional<step::Size> scale;         ///< width, height
  std::optional<std::int32_t> scale_idx;
  std::optional<bool> keep_ratio;
  std::optional<Direction> flip;
  std::optional<step::Size> pad_fixed_size;  ///< height, width
};

/// One sample between two steps: its annotations as they are by now, its pixels as a plan.
struct Sample {
  PixelPlan pixels;
  Extent extent;  ///< of the image by now
  bool floating = false;

  bool with_boxes = false;
  bool with_labels = false;
  Boxes boxes;
  Boxes ignored;
  std::vector<std::int64_t> labels;
  /// Of each box: 1 where it is ignored. None where boxes that are ignored are by themselves.
  std::optional<std::vector<std::uint8_t>> ignore_flags;
  std::optional<Masks> masks;

  Meta meta;

  /// Adds a step to the plan; keeps extent and floating true.
  void draw(PixelStep step);
  /// Keeps rows of boxes, labels and flags. Some of MMDetection's steps forget the masks, so that there may be fewer or
  /// more masks than boxes afterwards. Error kTransform where MMDetection fails for that.
  void keep_boxes(const Keep& keep);
  /// Keeps rows of boxes, labels, flags and masks; of the masks those of the same numbers, however many there are.
  void keep_objects(const Keep& keep);
  /// The same by number, which needs no list to be as long as another.
  void take_objects(std::span<const std::size_t> numbers);
  /// Adds another sample's boxes with their labels and flags.
  void append_boxes(const Sample& other);
};

/// A sample's annotations as the dataset has them.
struct Annotations {
  Boxes boxes;
  Boxes ignored;
  std::vector<std::int64_t> labels;
  MaskChoice masks;
  std::optional<std::vector<std::uint8_t>> ignore_flags;  ///< as in Sample
};

/// One image that a sample is made of, as it is stored.
struct Source {
  Stream stream;  ///< its random numbers
  Extent extent;
  Annotations annotations;
  std::optional<Masks> masks;  ///< of the annotations' boxes, where the pipeline loads them
};

}  // namespace penstock::transform
