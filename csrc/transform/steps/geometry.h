#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "transform/steps/annotation_table.h"
#include "transform/steps/draws.h"
#include "transform/steps/sample.h"
#include "transform/steps/steps.h"

namespace penstock::transform {

/// The native part of a pipeline.
struct Program {
  std::vector<step::Step> steps;
  /// How many of the steps a sample goes through before it is mixed into others. No more than there are before the
  /// first step that mixes.
  std::size_t partner_steps = 0;
};

/// `partner_steps`: as in Program; by default all steps before the first one that mixes.
Program make_program(std::vector<step::Step> steps, std::optional<std::size_t> partner_steps = std::nullopt);

/// The other items that a sample is mixed with, in the order in which the steps use them.
std::vector<std::size_t> partners(const Program& program, const Stream& stream, const AnnotationTable& table);

/// The item that takes the place of one that the pipeline has rejected: any of its group. The stream is that of its
/// attempt, or of its part.
std::size_t replacement(const Stream& stream, std::size_t item, const AnnotationTable& table);

/// The stream of a part of a sample, the retry-th in its place.
Stream part_stream(const Stream& stream, std::size_t part, std::uint16_t retry);

/// What becomes of a sample.
struct Outcome {
  std::vector<Sample> views;  ///< one, or one for each view of test-time augmentation; none where it is rejected
  std::size_t rejected = 0;   ///< which of its sources the pipeline has rejected: 0 its own, else a partner
};

/// Runs the steps on everything but pixels: draws all random numbers, moves boxes, decides sizes, and writes the plans
/// of pixels. `sources`: the sample's own image, then its partners. Error kTransform where MMDetection would fail.
Outcome plan_sample(const Program& program, const Stream& stream, std::span<const Source> sources,
                    std::uint32_t channels, const AnnotationTable& table);

}  // namespace penstock::transform
