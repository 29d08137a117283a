#include "pipeline/detection.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>
#include <variant>

#include "base/error.h"
#include "decode/claims.h"
#include "pipeline/decode_sample.h"
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
  const auto* views = std::get_if<step::MultiScaleFlipAug>(&program.steps.back());
  if (views == nullptr) return 1;
  return std::max(views->img_scale.size(), views->scale_factors.size()) * views->flips.size();
}

bool loads_annotations(const transform::Program& program) {
  return std::any_of(program.steps.begin(), program.steps.end(),
                     [](const step::Step& step) { return std::holds_alternative<step::LoadAnnotations>(step); });
}

Extent stored_extent(const FetchedSample& sample) {
  const decode::ImageSize size = decode::pipeline_image_size(sample.shape);
  return {static_cast<std::int32_t>(size.height), static_cast<std::int32_t>(size.width)};
}

template <class Row>
void copy_rows(const batch::TensorBatch& out, std::size_t position, const std::vector<Row>& rows) {
  if (!rows.empty()) std::memcpy(out.slab->data() + out.offsets[position], rows.data(), rows.size() * sizeof(Row));
}

std::size_t element_size(const transform::Sample& view) { return view.floating ? sizeof(float) : 1; }

}  // namespace

Detection::Detection(DetectionSpec spec)
    : spec_(std::move(spec)), views_(views_of(spec_.program)), annotated_(loads_annotations(spec_.program)) {}

transform::Stream Detection::stream(const Job& job, std::size_t position, const Randomness& random) const {
  return {random.seed, random.epoch, static_cast<std::uint64_t>(job.batch.indices[position]),
          job.planned[position].attempt, 0};
}

void Detection::expand(Job& job, const Randomness& random) const {
  job.planned.resize(job.batch.indices.size());
  for (std::size_t position = 0; position < job.planned.size(); ++position) {
    job.planned[position].reads = {position};
    job.planned[position].retries = {0};
    job.unplanned.push_back(position);
    read_partners(job, position, random);
  }
}

void Detection::read_partners(Job& job, std::size_t position, const Randomness& random) const {
  for (const std::size_t item : transform::partners(spec_.program, stream(job, position, random), spec_.table)) {
    job.planned[position].reads.push_back(job.reads.size());
    job.planned[position].retries.push_back(0);
    job.reads.push_back({spec_.table.indices[item], position});
  }
}

void Detection::plan(Job& job, std::size_t position, const std::vector<TensorSource>& sources,
                     const Randomness& random) const {
  const TensorSource& images = sources[spec_.image];
  std::vector<transform::Source> parts;
  for (const std::size_t read : job.planned[position].reads) {
    const FetchedSample& fetched = job.fetched[spec_.image][read];
    transform::Source& part = parts.emplace_back();
    part.retry = job.planned[position].retries[parts.size() - 1];
    job.named({position, read, spec_.image, 0}, images, [&] {
      output_shape(images, fetched);
      part.extent = stored_extent(fetched);
    });
    part.annotations = spec_.table.of(spec_.table.item_of(job.reads[read].sample));
    if (spec_.masks) {
      const std::size_t tensor = spec_.masks->tensor;
      job.named({position, read, tensor, 0}, sources[tensor], [&] {
        part.masks = spec_.masks->read(job.fetched[tensor][read], sources[tensor], part.annotations.masks, part.extent);
      });
    }
  }
  transform::Outcome outcome =
      transform::plan_sample(spec_.program, stream(job, position, random), parts, spec_.gray ? 1 : 3, spec_.table);
  job.planned[position].views = std::move(outcome.views);
  job.planned[position].rejected = outcome.rejected;
}

void Detection::replace(Job& job, std::size_t position, const Randomness& random) const {
  PlannedSample& planned = job.planned[position];
  const std::size_t part = planned.rejected;
  const std::uint32_t rejections = part == 0 ? ++planned.attempt : ++planned.retries[part];
  if (rejections == kMostRejected) {
    throw base::Error(base::ErrorKind::kTransform,
                      "the pipeline rejected " + std::to_string(kMostRejected) + " samples in a row");
  }
  const std::size_t rejected = spec_.table.item_of(job.reads[planned.reads[part]].sample);
  transform::Stream draws = stream(job, position, random);
  if (part != 0) draws = transform::part_stream(draws, part, planned.retries[part]);
  const std::size_t other = transform::replacement(draws, rejected, spec_.table);
  if (part == 0) {
    planned.reads = {job.reads.size()};
    planned.retries = {0};
  } else {
    planned.reads[part] = job.reads.size();
  }
  job.reads.push_back({spec_.table.indices[other], position});
  if (part == 0) read_partners(job, position, random);
}

void Detection::lay_out(Job& job, std::size_t samples, std::vector<batch::SlabPool>& slabs) const {
  for (std::size_t view = 0; view < views_; ++view) lay_out_images(job, samples, view, slabs[view]);
  if (annotated_) lay_out_annotations(job, samples, std::span(slabs).subspan(views_));
  if (spec_.masks) lay_out_masks(job, samples, std::span(slabs).subspan(views_ + 3));
  for (std::size_t position = 0; position < samples; ++position) {
    const PlannedSample& planned = job.planned[position];
    for (const transform::Sample& view : planned.views) {
      append_meta_row(job.batch.metas, view, job.reads[planned.reads[0]].sample, planned.attempt);
    }
  }
}

base::Shape Detection::image_shape(Extent extent) const {
  const auto height = static_cast<std::uint32_t>(extent.height);
  const auto width = static_cast<std::uint32_t>(extent.width);
  const std::uint32_t channels = spec_.gray ? 1 : 3;
  if (spec_.layout != ImageLayout::kRows) return {channels, height, width};
  return spec_.gray ? base::Shape{height, width} : base::Shape{height, width, channels};
}

void Detection::lay_out_images(Job& job, std::size_t samples, std::size_t view, batch::SlabPool& slabs) const {
  std::vector<base::Shape> shapes;
  Extent largest;
  for (std::size_t position = 0; position < samples; ++position) {
    const transform::Sample& planned = job.planned[position].views[view];
    if (planned.floating != job.planned[0].views[view].floating) {
      throw base::Error(base::ErrorKind::kTransform, "images of uint8 and of float32 cannot be in one batch",
                        "Let every sample take the same steps, or set to_float32=True in LoadImageFromFile.");
    }
    const Extent extent = planned.extent;
    largest = {std::max(largest.height, extent.height), std::max(largest.width, extent.width)};
    shapes.push_back(image_shape(extent));
  }
  if (spec_.layout == ImageLayout::kStack) shapes.assign(samples, image_shape(largest));
  job.batch.add(slabs, std::move(shapes), element_size(job.planned[0].views[view]));
}

void Detection::lay_out_annotations(Job& job, std::size_t samples, std::span<batch::SlabPool> slabs) const {
  std::vector<base::Shape> boxes;
  std::vector<base::Shape> labels;
  std::vector<base::Shape> ignored;
  for (std::size_t position = 0; position < samples; ++position) {
    const transform::Sample& sample = job.planned[position].views[0];
    boxes.push_back({static_cast<std::uint32_t>(sample.boxes.size()), 4});
    labels.push_back({static_cast<std::uint32_t>(sample.labels.size())});
    ignored.push_back({static_cast<std::uint32_t>(sample.ignored.size()), 4});
  }
  job.batch.add(slabs[0], std::move(boxes), sizeof(float));
  job.batch.add(slabs[1], std::move(labels), sizeof(std::int64_t));
  job.batch.add(slabs[2], std::move(ignored), sizeof(float));
  for (std::size_t position = 0; position < samples; ++position) {
    const transform::Sample& sample = job.planned[position].views[0];
    copy_rows(job.batch.tensors[views_], position, sample.boxes);
    copy_rows(job.batch.tensors[views_ + 1], position, sample.labels);
    copy_rows(job.batch.tensors[views_ + 2], position, sample.ignored);
  }
}

void Detection::lay_out_masks(Job& job, std::size_t samples, std::span<batch::SlabPool> slabs) const {
  std::vector<base::Shape> first;
  std::vector<base::Shape> second;
  for (std::size_t position = 0; position < samples; ++position) {
    MaskShapes shapes = mask_shapes(*job.planned[position].views[0].masks);
    first.push_back(std::move(shapes.values));
    second.push_back(std::move(shapes.ends));
  }
  job.batch.add(slabs[0], std::move(first), spec_.masks->bitmaps ? 1 : sizeof(double));
  job.batch.add(slabs[1], std::move(second), sizeof(std::int64_t));
}

void Detection::run(const Job& job, std::size_t position, const std::vector<TensorSource>& sources,
                    base::SplitTimer& timer) const {
  const PlannedSample& planned = job.planned[position];
  if (spec_.masks) {
    const auto memory = [&](std::size_t tensor) {
      const batch::TensorBatch& out = job.batch.tensors[views_ + 3 + tensor];
      return out.slab->data() + out.offsets[position];
    };
    write_masks(*planned.views[0].masks, memory(0), memory(1));
  }
  StoredImages images(job, planned.reads, sources[spec_.image], spec_.image, timer);
  for (std::size_t view = 0; view < views_; ++view) {
    const batch::TensorBatch& out = job.batch.tensors[view];
    const base::Shape& shape = out.shapes[position];
    const bool planar = spec_.layout != ImageLayout::kRows;
    const Extent padded{static_cast<std::int32_t>(shape[planar ? 1 : 0]),
                        static_cast<std::int32_t>(shape[planar ? 2 : 1])};
    transform::run_pixels(planned.views[view].pixels, images,
                          {out.slab->data() + out.offsets[position], planar, padded, spec_.pad_value});
  }
}

}  // namespace penstock::pipeline
