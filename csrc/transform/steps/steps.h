#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "transform/box_ops.h"
#include "transform/pixels/pixel_plan.h"

/// The transforms as they are configured: penstock/detection/steps.py, field by field, where each field is explained.
/// A step that mixes in other samples states how many, as kPartners: geometry knows no step by its name for that.
namespace penstock::transform::step {

using Pair = std::array<double, 2>;
using Size = std::array<std::int32_t, 2>;  ///< in the order that the step's own text gives

struct LoadImage {
  bool to_float32 = false;
};

struct LoadAnnotations {
  bool with_bbox = true;
  bool with_label = true;
  bool with_mask = false;
  bool poly2mask = true;
  bool denorm_bbox = false;
};

struct Resize {
  std::optional<std::vector<Size>> img_scale;
  bool range_mode = true;
  std::optional<Pair> ratio_range;
  bool keep_ratio = true;
  bool bbox_clip_border = true;
  bool nearest = false;
  bool override_scale = false;
  std::optional<Pair> scale_factor;
  bool by_edges = true;  ///< what is drawn between two scales: the longer and the shorter edge, or width and height
  bool notes_padding = true;  ///< and which of the scales it is, even of one
};

struct RandomFlip {
  std::vector<Direction> directions;  ///< none where MultiScaleFlipAug decides
  std::vector<double> ratios;         ///< of each direction, and of no flip
  bool redraws = false;
};

struct RandomShift {
  double shift_ratio = 0.5;
  std::int32_t max_shift_px = 32;
  std::int32_t filter_thr_px = 1;
};

struct Pad {
  std::optional<Size> size;
  std::optional<std::int32_t> size_divisor;
  bool pad_to_square = false;
  Color3 img_val{};
  double masks_val = 0;
  bool grows_img_shape = false;
};

struct Normalize {
  std::array<double, 3> mean{};
  std::array<double, 3> std{};
  bool to_rgb = true;
};

enum class CropType : std::uint8_t { kAbsolute, kAbsoluteRange, kRelative, kRelativeRange };

struct RandomCrop {
  Pair crop_size{};
  CropType crop_type = CropType::kAbsolute;
  bool allow_negative_crop = false;
  bool recompute_bbox = false;
  bool bbox_clip_border = true;
  bool keeps_inside = false;  ///< boxes of which a part, be it a line, is inside; else those that have an area
};

struct PhotoMetricDistortion {
  double brightness_delta = 32;
  Pair contrast_range{0.5, 1.5};
  Pair saturation_range{0.5, 1.5};
  double hue_delta = 18;
  bool draws_all = false;
  bool clips_saturation = false;
};

struct Expand {
  Color3 fill{};
  Pair ratio_range{1, 4};
  double prob = 0.5;
  bool grows_img_shape = false;
};

struct MinIoURandomCrop {
  std::vector<double> min_ious;
  double min_crop_size = 0.3;
  bool bbox_clip_border = true;
};

struct CutOut {
  Size n_holes{};
  std::vector<Pair> candidates;
  bool with_ratio = false;
  Color3 fill_in{};
};

struct RandomAffine {
  double max_rotate_degree = 10;
  double max_translate_ratio = 0.1;
  Pair scaling_ratio_range{0.5, 1.5};
  double max_shear_degree = 2;
  Size border{};
  Color3 border_val{114, 114, 114};
  BoxFilter filter;
  bool bbox_clip_border = true;
  bool skip_filter = true;
};

struct YOLOXHSVRandomAug {
  double hue_delta = 5;
  double saturation_delta = 30;
  double value_delta = 30;
};

struct Mosaic {
  static constexpr std::size_t kPartners = 3;
  Size img_scale{640, 640};
  Pair center_ratio_range{0.5, 1.5};
  double min_bbox_size = 0;
  bool bbox_clip_border = true;
  bool skip_filter = true;
  double pad_val = 114;
  double prob = 1;
  bool cached = false;  ///< the others come from a cache, and masks are mixed as well
  std::int32_t max_cached_images = 40;
  bool random_pop = true;
};

struct MixUp {
  static constexpr std::size_t kPartners = 1;
  Size img_scale{640, 640};
  Pair ratio_range{0.5, 1.5};
  double flip_ratio = 0.5;
  double pad_val = 114;
  bool in_doubles = false;  ///< MMDetection resizes the other image as float64: pad_val is a float
  std::int32_t max_iters = 15;
  BoxFilter filter;
  bool bbox_clip_border = true;
  bool skip_filter = true;
  std::optional<double> prob;
  bool flips_above = false;
  bool fills = false;
  bool cached = false;
  std::int32_t max_cached_images = 20;
  bool random_pop = true;
};

struct CopyPaste {
  static constexpr std::size_t kPartners = 1;
  std::int32_t max_num_pasted = 100;
  double bbox_occluded_thr = 10;
  double mask_occluded_thr = 300;
  bool selected = true;
};

struct FilterAnnotations {
  Pair min_gt_bbox_wh{1, 1};
  double min_gt_mask_area = 1;
  bool by_box = true;
  bool by_mask = false;
  bool keep_empty = true;
};

/// penstock/detection/augmentations.py.
struct ResizeShortestEdge {
  std::vector<std::int32_t> short_edge_length;
  std::int64_t max_size = 0;
  bool is_range = true;
  bool nearest = false;
};

struct ResizeScale {
  double min_scale = 1;
  double max_scale = 1;
  std::int32_t target_height = 0;
  std::int32_t target_width = 0;
  bool nearest = false;
};

struct ResizeExactly {
  Size shape{};
  bool nearest = false;
};

struct FixedSizeCrop {
  Size crop_size{};
  bool pad = true;
  double pad_value = 128;
};

/// RandomBrightness, RandomContrast and RandomSaturation: with black, with the mean, with gray.
struct RandomLevels {
  LevelBlend::With with = LevelBlend::With::kBlack;
  double intensity_min = 1;
  double intensity_max = 1;
  bool in_doubles = false;
  bool fused = false;
};

/// The image becomes planar; with `to_float`, float32.
struct Format {
  bool to_float = false;
};

/// A kind of step that may take the others from a cache: those that have come before in the epoch.
template <class Kind>
concept Caches = requires(const Kind& kind) {
  { kind.cached } -> std::convertible_to<bool>;
};

/// A kind of step that mixes in other samples.
template <class Kind>
concept Mixes = requires {
  { Kind::kPartners } -> std::convertible_to<std::size_t>;
};

struct MultiScaleFlipAug;
struct RandomChoice;
struct TestTimeAug;

using Step = std::variant<LoadImage, LoadAnnotations, Resize, RandomFlip, RandomShift, Pad, Normalize, RandomCrop,
                          PhotoMetricDistortion, Expand, MinIoURandomCrop, CutOut, RandomAffine, YOLOXHSVRandomAug,
                          Mosaic, MixUp, CopyPaste, FilterAnnotations, ResizeShortestEdge, ResizeScale, ResizeExactly,
                          FixedSizeCrop, RandomLevels, Format, RandomChoice, TestTimeAug, MultiScaleFlipAug>;

/// The steps that are chosen go on drawing from this step's own draws. None of them mixes, and none loads.
struct RandomChoice {
  std::vector<std::vector<Step>> choices;
  std::vector<double> ratios;  ///< of each; none: all are equally likely
};

/// What each list of steps makes of a sample. All go on drawing from this step's own draws. None of them mixes.
struct TestTimeAug {
  std::vector<std::vector<Step>> views;
};

struct MultiScaleFlipAug {
  std::vector<Step> transforms;
  std::vector<Size> img_scale;  ///< (width, height) each; or none, and
  std::vector<double> scale_factors;
  std::vector<Direction> flips;
};

}  // namespace penstock::transform::step
