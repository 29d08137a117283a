#pragma once

#include <optional>
#include <vector>

#include "transform/pixels/pixel_plan.h"
#include "transform/pixels/region.h"
#include "transform/pixels/row_kernels.h"
#include "transform/pixels/row_writer.h"
#include "transform/pixels/source_rows.h"
#include "transform/pixels/taps.h"
#include "transform/pixels/window.h"

namespace penstock::transform {

/// Steps that are done together, in one sweep over the rows of the result: canvases and flips, one resize, canvases and
/// flips again, and among them what concerns each pixel by itself. Each source row is read once and resampled once.
class Pass {
 public:
  Pass(Extent source, bool is_float);

  /// Takes the step in, or says that it cannot be done in the same sweep.
  bool add(const PixelStep& step);

  Extent extent() const { return (sealed_ ? after_ : before_).extent(); }
  bool is_float() const { return is_float_; }
  /// Nothing has been added.
  bool empty() const { return empty_; }
  /// The part of the source that is read.
  Region needed() const;

  /// `sink` has the pass's element type, and at least its extent.
  void run(SourceRows& rows, const Sink& sink) const;

 private:
  /// What is done to pixels by themselves: maybe Photometric, then an affine map, then channel c becomes to[c].
  struct ColorStage {
    std::optional<Photometric> photometric;
    kernels::Affine affine;
    bool has_affine = false;
    std::array<std::uint8_t, 3> to{0, 1, 2};
  };
  template <class Sum>
  class Sweep;

  bool add_step(const ToFloat&);
  bool add_step(const Canvas& canvas);
  bool add_step(const Resize& resize);
  bool add_step(const Flip& flip);
  bool add_step(const Photometric& photometric);
  bool add_step(const Normalize& normalize);
  template <class Other>
  bool add_step(const Other&) {
    return false;
  }
  /// Its resize is Pillow's BILINEAR, which gives uint8: what follows begins a new pass.
  bool averages_as_pillow() const { return resize_ && resize_->pillow && !resize_->nearest; }
  std::vector<Tap> taps(Axis axis) const;
  Window& window() { return sealed_ ? after_ : before_; }
  /// From here on, steps come after the resampling.
  void seal();
  void color_layers(const ColorStage& stage);

  Extent source_;
  Window before_;                 ///< of the source, resized by
  std::optional<Resize> resize_;  ///< to the image of which
  Window after_;                  ///< shows a part
  bool sealed_ = false;
  bool empty_ = true;
  bool resample_floats_ = false;
  bool is_float_ = false;
  std::vector<ColorStage> stages_;  ///< the first has no Photometric: it is done with the resampling of rows
};

}  // namespace penstock::transform
