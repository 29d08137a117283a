#include "bindings/step_reader.h"

#include <pybind11/stl.h>

#include <functional>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>

namespace py = pybind11;

namespace penstock::bindings {
namespace {

namespace step = transform::step;
using transform::BoxFilter;
using transform::Direction;

/// Reads the fields of one of Python's steps, by their names there.
class Fields {
 public:
  explicit Fields(py::handle object) : object_(object) {}

  template <class Value>
  void read(const char* name, Value& value) const {
    value = py::cast<Value>(object_.attr(name));
  }
  std::string text(const char* name) const { return py::cast<std::string>(object_.attr(name)); }
  py::object object(const char* name) const { return object_.attr(name); }

 private:
  py::handle object_;
};

template <class Enum>
Enum named(const std::map<std::string, Enum>& names, const std::string& name) {
  const auto found = names.find(name);
  if (found == names.end()) throw std::invalid_argument("unknown word '" + name + "'");
  return found->second;
}

Direction direction(const py::handle& name) {
  if (name.is_none()) return Direction::kNone;
  return named<Direction>(
      {{"horizontal", Direction::kHorizontal}, {"vertical", Direction::kVertical}, {"diagonal", Direction::kDiagonal}},
      py::cast<std::string>(name));
}

std::vector<Direction> directions(const py::object& names) {
  std::vector<Direction> result;
  if (!names.is_none()) {
    for (const py::handle name : names) result.push_back(direction(name));
  }
  return result;
}

/// One number for all channels, or one for each.
transform::Color3 color(const py::object& value) {
  if (py::isinstance<py::sequence>(value)) return py::cast<transform::Color3>(value);
  const auto level = py::cast<float>(value);
  return {level, level, level};
}

step::LoadImage load_image(const Fields& fields) {
  step::LoadImage result;
  fields.read("to_float32", result.to_float32);
  return result;
}

step::LoadAnnotations load_annotations(const Fields& fields) {
  step::LoadAnnotations result;
  fields.read("with_bbox", result.with_bbox);
  fields.read("with_label", result.with_label);
  fields.read("with_mask", result.with_mask);
  fields.read("poly2mask", result.poly2mask);
  fields.read("denorm_bbox", result.denorm_bbox);
  return result;
}

step::Resize resize(const Fields& fields) {
  step::Resize result;
  fields.read("img_scale", result.img_scale);
  result.range_mode = fields.text("multiscale_mode") == "range";
  fields.read("ratio_range", result.ratio_range);
  fields.read("keep_ratio", result.keep_ratio);
  fields.read("bbox_clip_border", result.bbox_clip_border);
  result.nearest = fields.text("interpolation") == "nearest";
  fields.read("override", result.override_scale);
  fields.read("scale_factor", result.scale_factor);
  result.by_edges = fields.text("range_of") == "edges";
  result.notes_padding = fields.text("noted_scale") == "four";
  return result;
}

step::RandomFlip random_flip(const Fields& fields) {
  step::RandomFlip result;
  result.directions = directions(fields.object("directions"));
  if (!fields.object("ratios").is_none()) fields.read("ratios", result.ratios);
  fields.read("redraws", result.redraws);
  return result;
}

step::RandomShift random_shift(const Fields& fields) {
  step::RandomShift result;
  fields.read("shift_ratio", result.shift_ratio);
  fields.read("max_shift_px", result.max_shift_px);
  fields.read("filter_thr_px", result.filter_thr_px);
  return result;
}

step::Pad pad(const Fields& fields) {
  step::Pad result;
  fields.read("size", result.size);
  fields.read("size_divisor", result.size_divisor);
  fields.read("pad_to_square", result.pad_to_square);
  // OpenCV takes one number for the first channel's.
  const py::object value = fields.object("img_val");
  result.img_val = py::isinstance<py::sequence>(value) ? color(value) : transform::Color3{py::cast<float>(value)};
  fields.read("masks_val", result.masks_val);
  fields.read("grows_img_shape", result.grows_img_shape);
  return result;
}

step::Normalize normalize(const Fields& fields) {
  step::Normalize result;
  fields.read("mean", result.mean);
  fields.read("std", result.std);
  fields.read("to_rgb", result.to_rgb);
  return result;
}

step::RandomCrop random_crop(const Fields& fields) {
  step::RandomCrop result;
  fields.read("crop_size", result.crop_size);
  result.crop_type = named<step::CropType>({{"absolute", step::CropType::kAbsolute},
                                            {"absolute_range", step::CropType::kAbsoluteRange},
                                            {"relative", step::CropType::kRelative},
                                            {"relative_range", step::CropType::kRelativeRange}},
                                           fields.text("crop_type"));
  fields.read("allow_negative_crop", result.allow_negative_crop);
  fields.read("recompute_bbox", result.recompute_bbox);
  fields.read("bbox_clip_border", result.bbox_clip_border);
  result.keeps_inside = fields.text("keeps") == "inside";
  return result;
}

step::PhotoMetricDistortion photo_metric_distortion(const Fields& fields) {
  step::PhotoMetricDistortion result;
  fields.read("brightness_delta", result.brightness_delta);
  fields.read("contrast_range", result.contrast_range);
  fields.read("saturation_range", result.saturation_range);
  fields.read("hue_delta", result.hue_delta);
  fields.read("draws_all", result.draws_all);
  fields.read("clips_saturation", result.clips_saturation);
  return result;
}

step::Expand expand(const Fields& fields) {
  step::Expand result;
  result.fill = color(fields.object("fill"));
  fields.read("ratio_range", result.ratio_range);
  fields.read("prob", result.prob);
  fields.read("grows_img_shape", result.grows_img_shape);
  return result;
}

step::MinIoURandomCrop min_iou_random_crop(const Fields& fields) {
  step::MinIoURandomCrop result;
  fields.read("min_ious", result.min_ious);
  fields.read("min_crop_size", result.min_crop_size);
  fields.read("bbox_clip_border", result.bbox_clip_border);
  return result;
}

step::CutOut cut_out(const Fields& fields) {
  step::CutOut result;
  fields.read("n_holes", result.n_holes);
  fields.read("candidates", result.candidates);
  fields.read("with_ratio", result.with_ratio);
  result.fill_in = color(fields.object("fill_in"));
  return result;
}

void read_filter(const Fields& fields, BoxFilter& filter) {
  fields.read("min_bbox_size", filter.min_bbox_size);
  fields.read("min_area_ratio", filter.min_area_ratio);
  fields.read("max_aspect_ratio", filter.max_aspect_ratio);
}

step::RandomAffine random_affine(const Fields& fields) {
  step::RandomAffine result;
  fields.read("max_rotate_degree", result.max_rotate_degree);
  fields.read("max_translate_ratio", result.max_translate_ratio);
  fields.read("scaling_ratio_range", result.scaling_ratio_range);
  fields.read("max_shear_degree", result.max_shear_degree);
  fields.read("border", result.border);
  result.border_val = color(fields.object("border_val"));
  read_filter(fields, result.filter);
  fields.read("bbox_clip_border", result.bbox_clip_border);
  fields.read("skip_filter", result.skip_filter);
  return result;
}

step::YOLOXHSVRandomAug hsv_random_aug(const Fields& fields) {
  step::YOLOXHSVRandomAug result;
  fields.read("hue_delta", result.hue_delta);
  fields.read("saturation_delta", result.saturation_delta);
  fields.read("value_delta", result.value_delta);
  return result;
}

template <class Kind>
void read_cache(const Fields& fields, Kind& step) {
  fields.read("cached", step.cached);
  fields.read("max_cached_images", step.max_cached_images);
  fields.read("random_pop", step.random_pop);
}

step::Mosaic mosaic(const Fields& fields) {
  step::Mosaic result;
  fields.read("img_scale", result.img_scale);
  fields.read("center_ratio_range", result.center_ratio_range);
  fields.read("min_bbox_size", result.min_bbox_size);
  fields.read("bbox_clip_border", result.bbox_clip_border);
  fields.read("skip_filter", result.skip_filter);
  fields.read("pad_val", result.pad_val);
  fields.read("prob", result.prob);
  read_cache(fields, result);
  return result;
}

step::MixUp mix_up(const Fields& fields) {
  step::MixUp result;
  fields.read("img_scale", result.img_scale);
  fields.read("ratio_range", result.ratio_range);
  fields.read("flip_ratio", result.flip_ratio);
  fields.read("pad_val", result.pad_val);
  fields.read("in_doubles", result.in_doubles);
  fields.read("max_iters", result.max_iters);
  read_filter(fields, result.filter);
  fields.read("bbox_clip_border", result.bbox_clip_border);
  fields.read("skip_filter", result.skip_filter);
  fields.read("prob", result.prob);
  fields.read("flips_above", result.flips_above);
  fields.read("fills", result.fills);
  read_cache(fields, result);
  return result;
}

step::CopyPaste copy_paste(const Fields& fields) {
  step::CopyPaste result;
  fields.read("max_num_pasted", result.max_num_pasted);
  fields.read("bbox_occluded_thr", result.bbox_occluded_thr);
  fields.read("mask_occluded_thr", result.mask_occluded_thr);
  fields.read("selected", result.selected);
  return result;
}

step::FilterAnnotations filter_annotations(const Fields& fields) {
  step::FilterAnnotations result;
  fields.read("min_gt_bbox_wh", result.min_gt_bbox_wh);
  fields.read("min_gt_mask_area", result.min_gt_mask_area);
  fields.read("by_box", result.by_box);
  fields.read("by_mask", result.by_mask);
  fields.read("keep_empty", result.keep_empty);
  return result;
}

std::vector<std::vector<step::Step>> lists(const Fields& fields, const char* name) {
  std::vector<std::vector<step::Step>> result;
  for (const py::handle steps : fields.object(name)) result.push_back(read_steps(py::cast<py::sequence>(steps)));
  if (result.empty()) throw std::invalid_argument(std::string(name) + " has no list of steps");
  return result;
}

step::TestTimeAug test_time_aug(const Fields& fields) { return {lists(fields, "views")}; }

step::RandomChoice random_choice(const Fields& fields) {
  step::RandomChoice result;
  result.choices = lists(fields, "choices");
  if (!fields.object("ratios").is_none()) fields.read("ratios", result.ratios);
  return result;
}

step::ResizeShortestEdge resize_shortest_edge(const Fields& fields) {
  step::ResizeShortestEdge result;
  fields.read("short_edge_length", result.short_edge_length);
  fields.read("max_size", result.max_size);
  fields.read("is_range", result.is_range);
  fields.read("nearest", result.nearest);
  return result;
}

step::ResizeScale resize_scale(const Fields& fields) {
  step::ResizeScale result;
  fields.read("min_scale", result.min_scale);
  fields.read("max_scale", result.max_scale);
  fields.read("target_height", result.target_height);
  fields.read("target_width", result.target_width);
  fields.read("nearest", result.nearest);
  return result;
}

step::ResizeExactly resize_exactly(const Fields& fields) {
  step::ResizeExactly result;
  fields.read("shape", result.shape);
  fields.read("nearest", result.nearest);
  return result;
}

step::FixedSizeCrop fixed_size_crop(const Fields& fields) {
  step::FixedSizeCrop result;
  fields.read("crop_size", result.crop_size);
  fields.read("pad", result.pad);
  fields.read("pad_value", result.pad_value);
  return result;
}

step::RandomLevels random_levels(const Fields& fields) {
  using With = transform::LevelBlend::With;
  step::RandomLevels result;
  result.with =
      named<With>({{"black", With::kBlack}, {"mean", With::kMean}, {"gray", With::kGray}}, fields.text("level"));
  fields.read("intensity_min", result.intensity_min);
  fields.read("intensity_max", result.intensity_max);
  fields.read("in_doubles", result.in_doubles);
  fields.read("fused", result.fused);
  return result;
}

step::MultiScaleFlipAug views(const Fields& fields) {
  step::MultiScaleFlipAug result;
  result.transforms = read_steps(fields.object("transforms"));
  for (const py::handle scale : fields.object("img_scale")) {
    if (py::isinstance<py::sequence>(scale)) {
      result.img_scale.push_back(py::cast<step::Size>(scale));
    } else {
      result.scale_factors.push_back(py::cast<double>(scale));
    }
  }
  result.flips = directions(fields.object("flips"));
  return result;
}

step::Format format(const Fields& fields) {
  step::Format result;
  fields.read("to_float", result.to_float);
  return result;
}

using Reader = std::function<step::Step(const Fields&)>;

const std::map<std::string, Reader>& readers() {
  static const std::map<std::string, Reader> table{
      {"LoadImage", load_image},
      {"LoadAnnotations", load_annotations},
      {"Resize", resize},
      {"RandomFlip", random_flip},
      {"RandomShift", random_shift},
      {"Pad", pad},
      {"Normalize", normalize},
      {"RandomCrop", random_crop},
      {"PhotoMetricDistortion", photo_metric_distortion},
      {"Expand", expand},
      {"MinIoURandomCrop", min_iou_random_crop},
      {"CutOut", cut_out},
      {"RandomAffine", random_affine},
      {"YOLOXHSVRandomAug", hsv_random_aug},
      {"Mosaic", mosaic},
      {"MixUp", mix_up},
      {"CopyPaste", copy_paste},
      {"FilterAnnotations", filter_annotations},
      {"ResizeShortestEdge", resize_shortest_edge},
      {"ResizeScale", resize_scale},
      {"ResizeExactly", resize_exactly},
      {"FixedSizeCrop", fixed_size_crop},
      {"RandomLevels", random_levels},
      {"Format", format},
      {"MultiScaleFlipAug", views},
      {"RandomChoice", random_choice},
      {"TestTimeAug", test_time_aug},
  };
  return table;
}

}  // namespace

std::vector<step::Step> read_steps(const py::sequence& steps) {
  std::vector<step::Step> result;
  for (const py::handle object : steps) {
    const auto name = py::cast<std::string>(py::type::of(object).attr("__name__"));
    const auto reader = readers().find(name);
    if (reader == readers().end()) throw std::invalid_argument("the core has no step '" + name + "'");
    result.push_back(reader->second(Fields(object)));
  }
  return result;
}

}  // namespace penstock::bindings
