#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "transform/steps/annotation_table.h"
#include "transform/steps/draws.h"
#include "transform/steps/epoch_places.h"
#include "transform/steps/sample.h"
#include "transform/steps/steps.h"

/// What each step does to a sample; the pixels are only planned. False: the sample is rejected. The draws are those of
/// MMDetection's class, in its order. Internal to geometry.
namespace penstock::transform::rules {

bool apply(const step::LoadImage& step, Sample& sample, Draws& draws);
bool apply(const step::Resize& step, Sample& sample, Draws& draws);
bool apply(const step::RandomFlip& step, Sample& sample, Draws& draws);
bool apply(const step::RandomShift& step, Sample& sample, Draws& draws);
bool apply(const step::Pad& step, Sample& sample, Draws& draws);
bool apply(const step::Normalize& step, Sample& sample, Draws& draws);
bool apply(const step::RandomCrop& step, Sample& sample, Draws& draws);
bool apply(const step::PhotoMetricDistortion& step, Sample& sample, Draws& draws);
bool apply(const step::Expand& step, Sample& sample, Draws& draws);
bool apply(const step::MinIoURandomCrop& step, Sample& sample, Draws& draws);
bool apply(const step::CutOut& step, Sample& sample, Draws& draws);
bool apply(const step::RandomAffine& step, Sample& sample, Draws& draws);
bool apply(const step::YOLOXHSVRandomAug& step, Sample& sample, Draws& draws);
bool apply(const step::FilterAnnotations& step, Sample& sample, Draws& draws);
bool apply(const step::ResizeShortestEdge& step, Sample& sample, Draws& draws);
bool apply(const step::ResizeScale& step, Sample& sample, Draws& draws);
bool apply(const step::ResizeExactly& step, Sample& sample, Draws& draws);
bool apply(const step::FixedSizeCrop& step, Sample& sample, Draws& draws);
bool apply(const step::RandomLevels& step, Sample& sample, Draws& draws);
bool apply(const step::Format& step, Sample& sample, Draws& draws);

void load_annotations(const step::LoadAnnotations& step, Sample& sample, const Source& source);

/// What a step may mix into a sample.
struct Candidates {
  const AnnotationTable& table;
  const EpochPlaces* places;  ///< not null for a step with a cache
  std::size_t own;            ///< the item whose place in the epoch the sample has
};

/// One of the items that a step mixes in, by the first draws of the step's own: any, each equally likely; of a step
/// with a cache one that has come before.
std::size_t partner(const step::Mosaic& step, Draws& draws, const Candidates& candidates);
/// The first that is drawn with boxes, else the last of those that it may draw.
std::size_t partner(const step::MixUp& step, Draws& draws, const Candidates& candidates);
std::size_t partner(const step::CopyPaste& step, Draws& draws, const Candidates& candidates);

/// Those that mix in other samples. `others` have been through the steps before the first of these.
void mix(const step::Mosaic& step, Sample& sample, Draws& draws, std::span<const Sample> others);
void mix(const step::MixUp& step, Sample& sample, Draws& draws, std::span<const Sample> others);
void mix(const step::CopyPaste& step, Sample& sample, Draws& draws, std::span<const Sample> others);

/// An image that a step would leave without pixels, or that it cannot take.
[[noreturn]] void refuse(const char* step, const std::string& cause);

/// A sample that is mixed needs boxes and labels: MMDetection looks them up. Error kTransform where there are none.
void require_objects(const char* step, const Sample& sample);

/// Canvas that cuts out a part.
Canvas crop_canvas(std::int32_t left, std::int32_t top, Extent extent);

}  // namespace penstock::transform::rules
