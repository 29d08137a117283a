#include "transform/pixels/pass.h"

#include <algorithm>
#include <limits>
#include <type_traits>
#include <utility>

#include "transform/pixels/columns.h"
#include "transform/pixels/copy_sweep.h"
#include "transform/pixels/pillow_sweep.h"
#include "transform/pixels/pillow_taps.h"
#include "transform/pixels/resampled_rows.h"
#include "transform/pixels/surroundings.h"

namespace penstock::transform {

Pass::Pass(Extent source, bool is_float)
    : source_(source), before_(source), resample_floats_(is_float), is_float_(is_float), stages_(1) {}

bool Pass::add(const PixelStep& step) {
  const bool added = std::visit([this](const auto& which) { return add_step(which); }, step);
  if (added) empty_ = false;
  return added;
}

bool Pass::add_step(const ToFloat&) {
  if (averages_as_pillow()) return false;
  if (!sealed_) resample_floats_ = true;
  is_float_ = true;
  return true;
}

bool Pass::add_step(const Canvas& canvas) {
  Color3 fill = canvas.fill;
  if (!is_float_) {
    for (float& value : fill) value = static_cast<float>(static_cast<std::uint8_t>(value));
  }
  window().canvas(canvas, fill);
  return true;
}

bool Pass::add_step(const Resize& resize) {
  if (resize.extent == extent()) return true;
  if (sealed_ || before_.layers().size() > 1) return false;
  // Pillow takes images as they are: colors beside them are pixels like others.
  if (resize.pillow && !resize.nearest && (is_float_ || !before_.layers().empty())) return false;
  resize_ = resize;
  after_ = Window(resize.extent);
  sealed_ = true;
  return true;
}

bool Pass::add_step(const Flip& flip) {
  window().flip(flip);
  return true;
}

void Pass::seal() {
  if (sealed_) return;
  after_ = std::exchange(before_, Window(source_));
  sealed_ = true;
}

void Pass::color_layers(const ColorStage& stage) {
  for (Window::Layer& layer : after_.layers()) {
    // As long as the vectors that read it.
    std::array<std::array<float, Scratch::kOverrun / sizeof(float)>, 3> row{};
    for (std::size_t c = 0; c < 3; ++c) row[c][0] = layer.value[c];
    const kernels::Planes<const float> in{row[0].data(), row[1].data(), row[2].data()};
    Color3 value{};
    const kernels::Planes<float> out{&value[stage.to[0]], &value[stage.to[1]], &value[stage.to[2]]};
    if (stage.photometric) {
      kernels::apply(in, *stage.photometric, stage.affine, 1, out);
    } else {
      kernels::apply(in, stage.affine, 1, out);
    }
    layer.value = value;
  }
}

bool Pass::add_step(const Photometric& photometric) {
  if (averages_as_pillow()) return false;
  seal();
  is_float_ = true;
  ColorStage stage;
  stage.photometric = photometric;
  for (std::uint8_t c = 0; c < 3; ++c) stage.to[photometric.order[c]] = c;
  color_layers(stage);
  stages_.push_back(stage);
  return true;
}

bool Pass::add_step(const Normalize& normalize) {
  if (averages_as_pillow()) return false;
  seal();
  is_float_ = true;
  ColorStage alone;
  if (stages_.back().has_affine) stages_.emplace_back();
  ColorStage& stage = stages_.back();
  for (std::size_t c = 0; c < 3; ++c) {
    if (normalize.swap) {
      stage.to[c] = static_cast<std::uint8_t>(2 - stage.to[c]);
      alone.to[c] = static_cast<std::uint8_t>(2 - c);
    }
    stage.affine.offset[c] = static_cast<float>(normalize.mean[stage.to[c]]);
    stage.affine.scale[c] = normalize.inverse_std[stage.to[c]];
    alone.affine.offset[c] = static_cast<float>(normalize.mean[alone.to[c]]);
    alone.affine.scale[c] = normalize.inverse_std[alone.to[c]];
  }
  stage.has_affine = true;
  color_layers(alone);
  return true;
}

std::vector<Tap> Pass::taps(Axis axis) const {
  const bool columns = axis == Axis::kColumns;
  const Extent source = sealed_ ? before_.extent() : source_;
  const std::int32_t from = columns ? source.width : source.height;
  if (!resize_) return identity_taps(from);
  const std::int32_t to = columns ? resize_->extent.width : resize_->extent.height;
  if (!resize_->nearest) return linear_taps(from, to, axis, resample_floats_);
  return resize_->pillow ? pillow_nearest_taps(from, to) : nearest_taps(from, to);
}

namespace {

/// The least and the last coordinate of a source that are read, exclusive; both 0 where none is.
std::pair<std::int32_t, std::int32_t> read_by(const std::vector<Tap>& taps, const AxisWindow& before,
                                              const AxisWindow& after) {
  std::int32_t begin = std::numeric_limits<std::int32_t>::max(), end = 0;
  for (std::int32_t at = after.begin; at < after.end; ++at) {
    const Tap& tap = taps[static_cast<std::size_t>(after.shown(at))];
    for (const std::int32_t neighbour : {tap.first, tap.second}) {
      if (!before.shows(neighbour)) continue;
      begin = std::min(begin, before.shown(neighbour));
      end = std::max(end, before.shown(neighbour) + 1);
    }
  }
  return end == 0 ? std::pair{0, 0} : std::pair{begin, end};
}

}  // namespace

Region Pass::needed() const {
  if (averages_as_pillow()) return {0, 0, source_};
  const Window before = sealed_ ? before_ : Window(source_), &after = sealed_ ? after_ : before_;
  if (before.empty() || after.empty()) return {};
  const auto [left, right] = read_by(taps(Axis::kColumns), before.x(), after.x());
  const auto [top, bottom] = read_by(taps(Axis::kRows), before.y(), after.y());
  return {left, top, {bottom - top, right - left}};
}

/// One run of a pass. Sum is what resampled columns are held in: int16 or float.
template <class Sum>
class Pass::Sweep {
 public:
  Sweep(const Pass& pass, SourceRows& rows, const Sink& sink)
      : pass_(pass),
        before_(pass.sealed_ ? pass.before_ : Window(pass.source_)),
        after_(pass.sealed_ ? pass.after_ : pass.before_),
        sink_(sink),
        first_(after_.x().begin),
        count_(after_.empty() ? 0 : static_cast<std::size_t>(after_.x().end - first_)),
        columns_(pass.taps(Axis::kColumns), after_.x(), before_, pass.source_.width, std::is_same_v<Sum, std::int16_t>),
        row_taps_(pass.taps(Axis::kRows)),
        resampled_(rows, columns_.columns(), beside()),
        between_(stride() * 3 * sizeof(float)) {}

  void run() {
    if (sink_.is_float) {
      run_with<float>();
    } else {
      run_with<std::uint8_t>();
    }
  }

 private:
  std::size_t stride() const { return (count_ + 127) / 64 * 64; }
  Color3 beside() const { return before_.layers().empty() ? Color3{} : before_.layers().front().value; }

  template <class T>
  void run_with() {
    RowWriter<T> writer(sink_);
    const std::int32_t height = after_.extent().height;
    // Upwards where the image is upside down, so that source rows are asked for from the top down.
    const bool upwards = after_.y().reversed != before_.y().reversed;
    for (std::int32_t i = 0; i < height; ++i) {
      const std::int32_t row = upwards ? height - 1 - i : i;
      fill_around(writer, after_, sink_, row);
      if (count_ != 0 && after_.y().shows(row)) write(writer, row);
    }
    fill_below(writer, after_, sink_);
  }

  void write(RowWriter<std::uint8_t>& writer, std::int32_t row) {
    if constexpr (std::is_same_v<Sum, std::int16_t>) {
      const auto [first, second, tap] = sources(row);
      kernels::blend(first, second, tap.first_integer, tap.second_integer, count_, writer.planes(row, first_));
      writer.store(row, first_, count_);
    }
  }

  void write(RowWriter<float>& writer, std::int32_t row) {
    const std::vector<ColorStage>& stages = pass_.stages_;
    const kernels::Planes<float> out = writer.planes(row, first_);
    float* const room = between_.as<float>();
    const kernels::Planes<float> between{room, room + stride(), room + 2 * stride()};
    const kernels::Planes<const float> made{between[0], between[1], between[2]};
    for (std::size_t i = 0; i < stages.size(); ++i) {
      const ColorStage& stage = stages[i];
      const kernels::Planes<float>& all = i + 1 == stages.size() ? out : between;
      const kernels::Planes<float> to{all[stage.to[0]], all[stage.to[1]], all[stage.to[2]]};
      if (i == 0) {
        blend_rows(row, stage, to);
      } else if (stage.photometric) {
        kernels::apply(made, *stage.photometric, stage.affine, count_, to);
      } else {
        kernels::apply(made, stage.affine, count_, to);
      }
    }
    writer.store(row, first_, count_);
  }

  void blend_rows(std::int32_t row, const ColorStage& stage, const kernels::Planes<float>& to) {
    const auto [first, second, tap] = sources(row);
    if constexpr (std::is_same_v<Sum, std::int16_t>) {
      kernels::blend(first, second, tap.first_integer, tap.second_integer, stage.affine, count_, to);
    } else {
      kernels::blend(first, second, tap.first_weight, tap.second_weight, stage.affine, count_, to);
    }
  }

  struct Sources {
    kernels::Planes<const Sum> first;
    kernels::Planes<const Sum> second;
    Tap tap;
  };

  Sources sources(std::int32_t row) {
    const Tap& tap = row_taps_[static_cast<std::size_t>(after_.y().shown(row))];
    const auto [first, second] = resampled_.get(source_row(tap.first), source_row(tap.second));
    return {first, second, tap};
  }

  std::int32_t source_row(std::int32_t at) const {
    return before_.y().shows(at) && !before_.empty() ? before_.y().shown(at) : ResampledRows<Sum>::kBeside;
  }

  const Pass& pass_;
  Window before_;
  Window after_;
  Sink sink_;
  std::int32_t first_;  ///< column where the image begins
  std::size_t count_;
  ColumnTable columns_;
  std::vector<Tap> row_taps_;
  ResampledRows<Sum> resampled_;
  Scratch between_;  ///< rows between two stages
};

void Pass::run(SourceRows& rows, const Sink& sink) const {
  if (averages_as_pillow()) {
    pillow_sweep(rows, before_, resize_->extent, after_, sink);
  } else if (!resize_ && !sink.is_float && !rows.is_float()) {
    copy_sweep(rows, sealed_ ? after_ : before_, sink);
  } else if (resample_floats_) {
    Sweep<float>(*this, rows, sink).run();
  } else {
    Sweep<std::int16_t>(*this, rows, sink).run();
  }
}

}  // namespace penstock::transform
