#include <optional>
#include <stdexcept>
#include <utility>

#include "transform/pixels/hsv.h"
#include "transform/pixels/level_blend.h"
#include "transform/pixels/pass.h"
#include "transform/pixels/pixel_source.h"
#include "transform/pixels/resize_in_doubles.h"
#include "transform/pixels/source_rows.h"
#include "transform/pixels/trimmed.h"
#include "transform/pixels/warp.h"
#include "transform/pixels/whole_image.h"

namespace penstock::transform {
namespace {

Image run_to_image(const PixelPlan& whole, PixelSources& sources);

/// Runs steps in as few passes as they allow. Between passes there is an image in memory.
class Runner {
 public:
  Runner(const PixelPlan& plan, PixelSources& sources)
      : sources_(sources), rows_(stream_rows(sources.open(plan.source))), pass_(rows_->extent(), false) {
    if (rows_->extent() != plan.source_extent) throw std::logic_error("a plan was made for an image of another size");
  }

  void add(const PixelStep& step) {
    if (pass_.add(step)) return;
    settle();
    if (pass_.add(step)) return;
    std::visit([this](const auto& which) { change(which); }, step);
    begin_pass();
  }

  void finish(const Sink& sink) {
    pass_.run(*rows_, sink);
    rows_->finish();
  }

  Image finish_to_image() {
    settle();
    return std::move(image_);
  }

  bool is_float() const { return pass_.is_float(); }

 private:
  /// Puts what has been asked for so far into image_.
  void settle() {
    if (has_image_ && pass_.empty()) return;
    Image result(pass_.extent(), pass_.is_float());
    finish(
        {.data = result.memory.as<std::byte>(), .is_float = result.is_float, .channels = 4, .padded = result.extent});
    image_ = std::move(result);
    has_image_ = true;
    begin_pass();
  }

  void begin_pass() {
    rows_ = image_rows(image_);
    pass_ = Pass(image_.extent, image_.is_float);
  }

  void change(const Fill& step) { fill(image_, step); }
  void change(const HsvGains& step) { shift_hsv(image_, step); }
  void change(const LevelBlend& step) { blend_levels(image_, step); }
  void change(const Warp& step) { image_ = warp(image_, step); }
  void change(const ResizeInDoubles& step) {
    if (step.extent != image_.extent) image_ = resize_in_doubles(image_, step.extent);
  }
  void change(const Overlay& step) { paste(image_, run_to_image(*step.image, sources_), step.left, step.top); }
  void change(const Blend& step) { image_ = blend(image_, run_to_image(*step.image, sources_)); }
  void change(const Select& step) { select(image_, run_to_image(*step.image, sources_), *step.mask); }
  template <class Other>
  void change(const Other&) {
    throw std::logic_error("a step that a new pass refused");
  }

  PixelSources& sources_;
  Image image_;
  bool has_image_ = false;
  std::unique_ptr<SourceRows> rows_;
  Pass pass_;
};

Image run_to_image(const PixelPlan& whole, PixelSources& sources) {
  const std::optional<PixelPlan> less = trimmed(whole);
  const PixelPlan& plan = less ? *less : whole;
  Runner runner(plan, sources);
  for (const PixelStep& step : plan.steps) runner.add(step);
  return runner.finish_to_image();
}

}  // namespace

void run_pixels(const PixelPlan& whole, PixelSources& sources, const PixelTarget& target) {
  const std::optional<PixelPlan> less = trimmed(whole);
  const PixelPlan& plan = less ? *less : whole;
  Runner runner(plan, sources);
  for (const PixelStep& step : plan.steps) runner.add(step);
  runner.finish({.data = target.data,
                 .is_float = runner.is_float(),
                 .planar = target.planar,
                 .channels = plan.channels,
                 .padded = target.padded,
                 .pad_value = target.pad_value});
}

}  // namespace penstock::transform
