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
  /// One of the images that a sample is made of.
  struct Part {
    std::size_t parent = 0;   ///< the part that it is mixed into; 0: the sample itself
    std::size_t step = 0;     ///< by which step
    std::size_t ordinal = 0;  ///< which of the step's partners it is
  };

  std::vector<step::Step> steps;
  /// Of each step: how many of the steps a sample goes through before it is mixed in there. No more than come before
  /// it.
  std::vector<std::size_t> partner_steps;
  /// Part 0 is the sample itself. What is mixed into a part has the next numbers after its own.
  std::vector<Part> parts;
};

/// `partner_steps`: as in Program; by default all steps before the first one that mixes.
Program make_program(std::vector<step::Step> steps,
                     const std::optional<std::vector<std::size_t>>& partner_steps = std::nullopt);

/// How many samples were rejected in the place of each part.
using Retries = std::span<const std::uint16_t>;

/// The item that is mixed in as a part, from 1 on, before any was rejected in its place.
std::size_t partner(const Program& program, const Stream& stream, const AnnotationTable& table, std::size_t part,
                    Retries retries);

/// Whether a part is mixed into another, or into what is mixed into that.
bool is_within(const Program& program, std::size_t part, std::size_t other);

/// The item that takes the place of one that the pipeline has rejected: any of its group. The stream is that of its
/// attempt, or of its part.
std::size_t replacement(const Stream& stream, std::size_t item, const AnnotationTable& table);

/// The stream of a part of a sample.
Stream part_stream(const Program& program, const Stream& stream, std::size_t part, Retries retries);

/// What becomes of a sample.
struct Outcome {
  std::vector<Sample> views;  ///< one, or one for each view of test-time augmentation; none where it is rejected
  std::size_t rejected = 0;   ///< which of its parts the pipeline has rejected
};

/// Runs the steps on everything but pixels: draws all random numbers, moves boxes, decides sizes, and writes the plans
/// of pixels. `sources`: of each part. Error kTransform where MMDetection would fail.
Outcome plan_sample(const Program& program, const Stream& stream, std::span<const Source> sources,
                    std::uint32_t channels, const AnnotationTable& table);

}  // namespace penstock::transform
