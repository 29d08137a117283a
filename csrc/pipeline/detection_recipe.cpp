#include "pipeline/detection_recipe.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/error.h"
#include "decode/claims.h"
#include "pipeline/decode_sample.h"
#include "pipeline/mask_output.h"
#include "pipeline/meta_row.h"
#include "pipeline/stored_images.h"

namespace penstock::pipeline {
namespace {

using transform::Extent;
namespace step = transform::step;

/// So many rejections in a row mean that the pipeline rejects everything.
constexpr std::uint32_t kMostRejected = 100;

std::size_t views_of(const transform::Program& program) {
  if (program.steps.empty()) return 1;
  if (const auto* lists = std::get_if<step::TestTimeAug>(&program.steps.back())) return lists->views.size();
  const auto* views = std::get_if<step::MultiScaleFlipAug>(&program.steps.back());
  if (views == nullptr) return 1;
  return std::max(views->img_scale.size(), views->scale_factors.size()) * views->flips.size();
}

bool loads_annotations(const std::vector<step::Step>& steps) {
  return std::any_of(steps.begin(), steps.end(), [](const step::Step& step) {
    const auto* lists = std::get_if<step::TestTimeAug>(&step);
    return std::holds_alternative<step::LoadAnnotations>(step) ||
           (lists != nullptr && loads_annotations(lists->views.front()));
  });
}

Extent stored_extent(const FetchedSample& sample) {
  const decode::ImageSize size = decode::pipeline_image_size(sample.shape);
  return {static_cast<std::int32_t>(size.height), static_cast<std::int32_t>(size.width)};
}

template <class Row>
void copy_rows(const batch::TensorBatch& out, std::size_t position, const std::vector<Row>& rows) {
  if (!rows.empty()) std::memcpy(out.item(position), rows.data(), rows.size() * sizeof(Row));
}

std::uint32_t rows(std::size_t count) { return static_cast<std::uint32_t>(count); }

}  // namespace

/// A sample of a batch on its way through the pipeline's geometry.
struct DetectionRecipe::PlannedSample {
  std::vector<std::size_t> reads;          ///< of each part: its own, then those that are mixed in
  std::vector<transform::Stream> streams;  ///< of each part
  std::vector<std::uint32_t> rejections;   ///< of each part: how many were rejected in its place
  std::size_t rejected = 0;                ///< which part the pipeline has rejected, where there are no views
  std::vector<transform::Sample> views;
};

struct DetectionRecipe::Plan final : Planned {
  Randomness random;
  std::vector<PlannedSample> samples;  ///< by position
};

DetectionRecipe::DetectionRecipe(DetectionSpec spec, const std::vector<TensorSource>& sources, base::Stats& stats,
                                 std::unique_ptr<DecodedImages> images)
    : spec_(std::move(spec)),
      layout_{views_of(spec_.program), loads_annotations(spec_.program.steps), spec_.masks.has_value()},
      sources_(sources),
      stats_(stats),
      images_(std::move(images)) {}

FaultPlace DetectionRecipe::own_place(const PlannedSample& planned, std::size_t position) const {
  return {position, planned.reads[0], spec_.image, 0};
}

std::unique_ptr<Planned> DetectionRecipe::expand(Wanted& wanted, const Randomness& random) const {
  const bool ordered = random.places != nullptr && random.places->items() == spec_.table.items();
  if (!ordered && transform::has_cache(spec_.program)) {
    throw std::logic_error("steps with a cache need the places of all items in the epoch");
  }
  auto plan = std::make_unique<Plan>();
  plan->random = random;
  plan->samples.resize(wanted.samples().size());
  const std::size_t parts = spec_.program.parts.size();
  for (std::size_t position = 0; position < plan->samples.size(); ++position) {
    PlannedSample& sample = plan->samples[position];
    sample.reads.assign(parts, position);
    sample.streams.resize(parts);
    sample.streams[0] = {random.seed, random.epoch, static_cast<std::uint64_t>(wanted.samples()[position]), 0, 0};
    sample.rejections.assign(parts, 0);
    want_partners(wanted, *plan, sample, position);
  }
  return plan;
}

void DetectionRecipe::want_partners(Wanted& wanted, const Plan& plan, PlannedSample& planned,
                                    std::size_t position) const {
  for (std::size_t part = 1; part < planned.reads.size(); ++part) want_partner(wanted, plan, planned, position, part);
}

void DetectionRecipe::want_partner(Wanted& wanted, const Plan& plan, PlannedSample& planned, std::size_t position,
                                   std::size_t part) const {
  const transform::Stream& parent = planned.streams[spec_.program.parts[part].parent];
  const transform::Chosen chosen = transform::partner(spec_.program, part, parent, items(plan.random));
  planned.streams[part] = chosen.stream;
  planned.rejections[part] = 0;
  planned.reads[part] = wanted.add({spec_.table.indices[chosen.item], position});
}

Verdict DetectionRecipe::plan(const Fetched& fetched, Planned& planned, std::size_t position) const {
  const base::StageTimer timer(stats_.transform_ns);
  const Wanted& wanted = fetched.wanted();
  auto& plan = static_cast<Plan&>(planned);
  PlannedSample& sample = plan.samples[position];
  wanted.named(own_place(sample, position), [&] {
    std::vector<transform::Source> parts;
    for (std::size_t part = 0; part < sample.reads.size(); ++part) {
      parts.push_back(part_of(fetched, sample.reads[part], sample.streams[part]));
    }
    transform::Outcome outcome = transform::plan_sample(spec_.program, parts, spec_.gray ? 1 : 3, items(plan.random));
    sample.views = std::move(outcome.views);
    sample.rejected = outcome.rejected;
  });
  return sample.views.empty() ? Verdict::kRejected : Verdict::kTaken;
}

transform::Source DetectionRecipe::part_of(const Fetched& fetched, std::size_t read,
                                           const transform::Stream& stream) const {
  const Wanted& wanted = fetched.wanted();
  const std::size_t position = wanted.reads()[read].position;
  transform::Source part;
  part.stream = stream;
  wanted.named({position, read, spec_.image, 0}, [&] {
    const FetchedSample& image = fetched.of_read(spec_.image, read);
    output_shape(sources_[spec_.image], image);
    part.extent = stored_extent(image);
  });
  part.annotations = spec_.table.of(spec_.table.item_of(wanted.reads()[read].sample));
  if (spec_.masks) {
    const std::size_t tensor = spec_.masks->tensor;
    wanted.named({position, read, tensor, 0}, [&] {
      auto& flags = part.annotations.ignore_flags;
      part.masks = spec_.masks->read(fetched.of_read(tensor, read), sources_[tensor], part.annotations.masks,
                                     part.extent, flags ? &*flags : nullptr);
    });
  }
  return part;
}

void DetectionRecipe::replace(Wanted& wanted, Planned& planned, std::size_t position) const {
  auto& plan = static_cast<Plan&>(planned);
  PlannedSample& sample = plan.samples[position];
  const std::size_t part = sample.rejected;
  if (++sample.rejections[part] == kMostRejected) {
    wanted.named(own_place(sample, position), [] {
      throw base::Error(base::ErrorKind::kTransform,
                        "the pipeline rejected " + std::to_string(kMostRejected) + " samples in a row");
    });
  }
  const std::size_t rejected = spec_.table.item_of(wanted.reads()[sample.reads[part]].sample);
  sample.streams[part] = transform::retried(spec_.program, part, sample.streams[part]);
  const std::size_t other = transform::replacement(sample.streams[part], rejected, spec_.table);
  sample.reads[part] = wanted.add({spec_.table.indices[other], position});
  for (std::size_t inner = part + 1; inner < sample.reads.size(); ++inner) {
    if (!transform::is_within(spec_.program, inner, part)) break;
    want_partner(wanted, plan, sample, position, inner);
  }
}

LaidOut DetectionRecipe::lay_out(const Fetched& fetched, Planned& planned, std::size_t samples) const {
  const std::span<const PlannedSample> sound(static_cast<Plan&>(planned).samples.data(), samples);
  LaidOut laid_out{{}, samples};
  laid_out.batch.tensors.resize(layout_.count());
  for (std::size_t view = 0; view < layout_.views; ++view) {
    laid_out.batch.tensors[layout_.image(view)] = images_of(sound, view);
  }
  if (layout_.annotated) lay_out_annotations(sound, laid_out.batch);
  if (layout_.masked) lay_out_masks(sound, laid_out.batch);
  for (const PlannedSample& sample : sound) {
    const std::int64_t index = fetched.wanted().reads()[sample.reads[0]].sample;
    for (const transform::Sample& view : sample.views) {
      append_meta_row(laid_out.batch.metas, view, index, sample.rejections[0]);
    }
  }
  return laid_out;
}

base::Shape DetectionRecipe::image_shape(Extent extent) const {
  const auto height = static_cast<std::uint32_t>(extent.height);
  const auto width = static_cast<std::uint32_t>(extent.width);
  const std::uint32_t channels = spec_.gray ? 1 : 3;
  if (spec_.layout != ImageLayout::kRows) return {channels, height, width};
  return spec_.gray ? base::Shape{height, width} : base::Shape{height, width, channels};
}

batch::TensorBatch DetectionRecipe::images_of(std::span<const PlannedSample> samples, std::size_t view) const {
  const bool floating = samples[0].views[view].floating;
  std::vector<base::Shape> shapes;
  Extent largest;
  for (const PlannedSample& sample : samples) {
    const transform::Sample& image = sample.views[view];
    if (image.floating != floating) {
      throw base::Error(base::ErrorKind::kTransform, "images of uint8 and of float32 cannot be in one batch",
                        "Let every sample take the same steps, or set to_float32=True in LoadImageFromFile.");
    }
    largest = {std::max(largest.height, image.extent.height), std::max(largest.width, image.extent.width)};
    shapes.push_back(image_shape(image.extent));
  }
  if (spec_.layout == ImageLayout::kStack) shapes.assign(samples.size(), image_shape(largest));
  return batch::TensorBatch::of(std::move(shapes), floating ? batch::kFloat32 : batch::kUint8);
}

void DetectionRecipe::lay_out_annotations(std::span<const PlannedSample> samples, batch::Batch& batch) const {
  std::vector<base::Shape> boxes;
  std::vector<base::Shape> labels;
  std::vector<base::Shape> ignored;
  std::vector<base::Shape> flags;
  for (const PlannedSample& sample : samples) {
    const transform::Sample& view = sample.views[0];
    boxes.push_back({rows(view.boxes.size()), 4});
    labels.push_back({rows(view.labels.size())});
    ignored.push_back({rows(view.ignored.size()), 4});
    flags.push_back({rows(view.ignore_flags ? view.ignore_flags->size() : 0)});
  }
  batch.tensors[layout_.boxes()] = batch::TensorBatch::of(std::move(boxes), batch::kFloat32);
  batch.tensors[layout_.labels()] = batch::TensorBatch::of(std::move(labels), batch::kInt64);
  batch.tensors[layout_.ignored()] = batch::TensorBatch::of(std::move(ignored), batch::kFloat32);
  batch.tensors[layout_.flags()] = batch::TensorBatch::of(std::move(flags), batch::kUint8);
}

void DetectionRecipe::lay_out_masks(std::span<const PlannedSample> samples, batch::Batch& batch) const {
  std::vector<base::Shape> values;
  std::vector<base::Shape> ends;
  for (const PlannedSample& sample : samples) {
    MaskShapes shapes = mask_shapes(*sample.views[0].masks);
    values.push_back(std::move(shapes.values));
    ends.push_back(std::move(shapes.ends));
  }
  const batch::ElementType element = spec_.masks->bitmaps ? batch::kUint8 : batch::kFloat64;
  batch.tensors[layout_.mask_values()] = batch::TensorBatch::of(std::move(values), element);
  batch.tensors[layout_.mask_ends()] = batch::TensorBatch::of(std::move(ends), batch::kInt64);
}

void DetectionRecipe::furnish(const Planned& planned, const LaidOut& laid_out) const {
  if (!layout_.annotated) return;
  const std::vector<PlannedSample>& samples = static_cast<const Plan&>(planned).samples;
  const std::vector<batch::TensorBatch>& tensors = laid_out.batch.tensors;
  for (std::size_t position = 0; position < laid_out.samples; ++position) {
    const transform::Sample& view = samples[position].views[0];
    copy_rows(tensors[layout_.boxes()], position, view.boxes);
    copy_rows(tensors[layout_.labels()], position, view.labels);
    copy_rows(tensors[layout_.ignored()], position, view.ignored);
    if (view.ignore_flags) copy_rows(tensors[layout_.flags()], position, *view.ignore_flags);
  }
}

void DetectionRecipe::decode(const Fetched& fetched, const Planned& planned, const LaidOut& laid_out,
                             std::size_t position) const {
  const PlannedSample& sample = static_cast<const Plan&>(planned).samples[position];
  const batch::Batch& batch = laid_out.batch;
  base::SplitTimer timer(stats_.decode_ns, stats_.transform_ns);
  fetched.wanted().named(own_place(sample, position), [&] {
    if (layout_.masked) {
      write_masks(*sample.views[0].masks, batch.tensors[layout_.mask_values()].item(position),
                  batch.tensors[layout_.mask_ends()].item(position));
    }
    write_images(fetched, sample, batch, position, timer);
  });
}

void DetectionRecipe::write_images(const Fetched& fetched, const PlannedSample& planned, const batch::Batch& batch,
                                   std::size_t position, base::SplitTimer& timer) const {
  StoredImages images(fetched, planned.reads, spec_.image, timer, images_.get());
  for (std::size_t view = 0; view < layout_.views; ++view) {
    const batch::TensorBatch& out = batch.tensors[layout_.image(view)];
    const base::Shape& shape = out.shapes[position];
    const bool planar = spec_.layout != ImageLayout::kRows;
    const Extent padded{static_cast<std::int32_t>(shape[planar ? 1 : 0]),
                        static_cast<std::int32_t>(shape[planar ? 2 : 1])};
    transform::run_pixels(planned.views[view].pixels, images, {out.item(position), planar, padded, spec_.pad_value});
  }
}

}  // namespace penstock::pipeline
