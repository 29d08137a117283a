#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "transform/steps/annotation_table.h"
#include "transform/steps/draws.h"
#include "transform/steps/epoch_places.h"
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

/// Whether a step takes what it mixes in from a cache: it then needs places.
bool has_cache(const Program& program);

/// How many samples ago what a sample is made of has come at most, or mostly where caches have no such bound.
std::size_t reach(const Program& program);

/// What the items are that steps choose from.
struct Items {
  const AnnotationTable& table;
  const EpochPlaces* places = nullptr;  ///< in the epoch; not null where the program has a cache
};

/// What a part is, and its random numbers.
struct Chosen {
  std::size_t item = 0;
  Stream stream;
};

/// What is mixed in as a part, from 1 on, before any was rejected in its place. `parent`: the stream of the part that
/// it is mixed into. What comes from a cache has the stream that it has in its own place of the epoch.
Chosen partner(const Program& program, std::size_t part, const Stream& parent, const Items& items);

/// The stream of what takes the place of a rejected part, or of the sample, part 0. Of parts that are mixed into that
/// one streams follow anew.
Stream retried(const Program& program, std::size_t part, const Stream& rejected);

/// Whether a part is mixed into another, or into what is mixed into that.
bool is_within(const Program& program, std::size_t part, std::size_t other);

/// The item that takes the place of one that the pipeline has rejected: any of its group. The stream is that of its
/// attempt, or of its part.
std::size_t replacement(const Stream& stream, std::size_t item, const AnnotationTable& table);

/// What becomes of a sample.
struct Outcome {
  std::vector<Sample> views;  ///< one, or one for each view of test-time augmentation; none where it is rejected
  std::size_t rejected = 0;   ///< which of its parts the pipeline has rejected
};

/// Runs the steps on everything but pixels: draws all random numbers, moves boxes, decides sizes, and writes the plans
/// of pixels. `sources`: of each part. Error kTransform where MMDetection would fail.
Outcome plan_sample(const Program& program, std::span<const Source> sources, std::uint32_t channels,
                    const Items& items);

}  // namespace penstock::transform
