#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "transform/annotation_table.h"
#include "transform/draws.h"
#include "transform/sample.h"
#include "transform/steps.h"

namespace penstock::transform {

/// The native part of a pipeline.
struct Program {
  std::vector<step::Step> steps;
  /// How many of the steps a sample goes through before others are mixed with it; these reject nothing. No more than
  /// there are before the first step that mixes.
  std::size_t partner_steps = 0;
};

/// `partner_steps`: as in Program; by default all steps before the first one that mixes.
Program make_program(std::vector<step::Step> steps, std::optional<std::size_t> partner_steps = std::nullopt);

/// The other items that a sample is mixed with, in the order in which the steps use them.
std::vector<std::size_t> partners(const Program& program, const Stream& stream, const AnnotationTable& table);

/// The item that takes the place of one that the pipeline has rejected: any of its group.
std::size_t replacement(const Stream& stream, std::size_t item, const AnnotationTable& table);

/// One image that a sample is made of, as it is stored.
struct Source {
  Extent extent;
  Annotations annotations;
  std::optional<Masks> masks;  ///< of the annotations' boxes, where the pipeline loads them
};

/// Runs the steps on everything but pixels: draws all random numbers, moves boxes, decides sizes, and writes the plans
/// of pixels. `sources`: the sample's own image, then its partners. What comes out is one sample, or one for each view
/// of test-time augmentation, or none where the pipeline rejects it. Error kTransform where MMDetection would fail.
std::vector<Sample> plan_sample(const Program& program, const Stream& stream, std::span<const Source> sources,
                                std::uint32_t channels, const AnnotationTable& table);

}  // namespace penstock::transform
