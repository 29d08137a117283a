#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <variant>
#include <vector>

#include "transform/extent.h"

namespace penstock::transform {

/// What is done to the pixels of one sample, with every size, offset and random number decided: geometry makes it
/// (transform/steps/geometry), pixels run it (transform/pixels). Channels are in the order in which the image was
/// decoded, BGR unless the pipeline asks otherwise. An image is uint8 until ToFloat, Photometric or Normalize makes it
/// float32 on the 0..255 scale. What each means in numbers is mmcv 1.7.2's and OpenCV's.

using Color3 = std::array<float, 3>;  ///< a value for each channel

struct ToFloat {};

/// A canvas of `extent`, filled, with the image's upper left corner at (left, top), which may lie outside of it: it
/// serves to pad, to expand, to crop and to shift. On uint8 images the fill is cut to an integer (numpy's cast).
struct Canvas {
  Extent extent;
  std::int32_t left = 0;
  std::int32_t top = 0;
  Color3 fill{};
};

/// cv2.resize, INTER_LINEAR or INTER_NEAREST; with `pillow`, Image.resize, BILINEAR (of uint8) or NEAREST.
struct Resize {
  Extent extent;
  bool nearest = false;
  bool pillow = false;
};

/// cv2.resize, INTER_LINEAR, of a uint8 image as float64, what comes out cut to uint8: MixUp's, where pad_val is a
/// float.
struct ResizeInDoubles {
  Extent extent;
};

struct Flip {
  bool horizontal = false;
  bool vertical = false;
};

/// Rectangles that get one value (CutOut).
struct Fill {
  struct Rectangle {
    std::int32_t left, top, right, bottom;  ///< right and bottom exclusive, within the image
  };
  std::vector<Rectangle> rectangles;
  Color3 value{};
};

/// MMDetection's PhotoMetricDistortion, on float32: add, multiply, to HSV (hue 0..360, saturation 0..1) and back with
/// saturation multiplied and hue added (and turned once into 0..360), multiply, permute channels: out[c] =
/// in[order[c]].
struct Photometric {
  float brightness = 0;
  float contrast_before = 1;
  float saturation = 1;
  float hue = 0;
  float contrast_after = 1;
  std::array<std::uint8_t, 3> order{0, 1, 2};
  float largest_saturation = std::numeric_limits<float>::infinity();  ///< what it is cut to after it was multiplied
};

/// MMDetection's YOLOXHSVRandomAug, on uint8: cv2's 8-bit HSV (hue 0..179), hue added modulo 180, the others added and
/// clipped to 0..255, and back.
struct HsvGains {
  std::array<std::int16_t, 3> gains{};
};

/// (x - mean[c]) * inverse_std[c] as float32, after the first and the third channel changed places where `swap`.
struct Normalize {
  std::array<double, 3> mean{};
  std::array<double, 3> inverse_std{};
  bool swap = false;
};

/// cv2.warpPerspective with INTER_LINEAR and a constant border: `matrix` (row by row) takes points of the image to
/// points of the result.
struct Warp {
  std::array<double, 9> matrix{};
  Extent extent;
  Color3 fill{};
  /// Where of the image that the matrix means the given one is a part: its upper left corner.
  std::int32_t left = 0;
  std::int32_t top = 0;
};

/// fvcore's BlendTransform of uint8: a weighted mean with black, with the mean of all values, or with each pixel's gray
/// (0.299, 0.587 and 0.114 of its channels), which gets 1 - weight. What comes out is cut to 0..255, then to integers.
struct LevelBlend {
  enum class With : std::uint8_t { kBlack, kMean, kGray };
  With with = With::kBlack;
  double weight = 1;
  bool in_doubles = false;  ///< of kMean: numpy 2 adds in float64, numpy 1 in float32
  bool fused = false;       ///< of kGray: numpy's product is summed up with fused operations
};

struct PixelPlan;

/// Another image, pasted over a rectangle of this one; its plan gives just the pixels that are pasted (Mosaic).
struct Overlay {
  std::shared_ptr<const PixelPlan> image;
  std::int32_t left = 0;
  std::int32_t top = 0;
};

/// The mean with another image of the same extent, cut to uint8 (MixUp).
struct Blend {
  std::shared_ptr<const PixelPlan> image;
};

/// Another image of the same extent where the mask is not 0 (CopyPaste).
struct Select {
  std::shared_ptr<const PixelPlan> image;
  std::shared_ptr<const std::vector<std::uint8_t>> mask;  ///< a byte a pixel
};

using PixelStep = std::variant<ToFloat, Canvas, Resize, ResizeInDoubles, Flip, Fill, Photometric, HsvGains, Normalize,
                               Warp, LevelBlend, Overlay, Blend, Select>;

struct PixelPlan {
  std::size_t source = 0;  ///< which of the sample's images it begins with
  Extent source_extent;
  std::uint32_t channels = 3;  ///< 3, or 1
  std::vector<PixelStep> steps;
};

/// Extent and element type of what a plan gives.
Extent extent_of(const PixelPlan& plan);
bool is_float(const PixelPlan& plan);

}  // namespace penstock::transform
