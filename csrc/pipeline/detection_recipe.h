#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/stats.h"
#include "pipeline/decoded_images.h"
#include "pipeline/mask_source.h"
#include "pipeline/output_layout.h"
#include "pipeline/recipe.h"
#include "pipeline/tensor_source.h"
#include "transform/steps/geometry.h"

namespace penstock::pipeline {

/// How the images of a batch come out.
enum class ImageLayout : std::uint8_t {
  kRows,    ///< each by itself: height, width, channels
  kPlanes,  ///< each by itself: channels, height, width
  kStack,   ///< one array: sample, channel, row, column; smaller images are padded on the right and below
};

/// A detection pipeline's native part, with the annotations that it works on.
struct DetectionSpec {
  transform::Program program;
  transform::AnnotationTable table;
  std::size_t image = 0;  ///< which tensor
  std::optional<MaskSource> masks;
  bool gray = false;  ///< images have no axis of channels
  ImageLayout layout = ImageLayout::kRows;
  float pad_value = 0;
};

/// Turns stored samples into a detector's: geometry first, pixels once. The tensors of its batches are those of
/// OutputLayout.
class DetectionRecipe final : public Recipe {
 public:
  /// Sources and stats outlive it. `images`: what several samples need, where steps have a cache.
  DetectionRecipe(DetectionSpec spec, const std::vector<TensorSource>& sources, base::Stats& stats,
                  std::unique_ptr<DecodedImages> images = nullptr);

  std::size_t outputs() const override { return layout_.count(); }
  /// Masks are moved by geometry.
  bool plans_slowly() const override { return layout_.masked; }
  std::unique_ptr<Planned> expand(Wanted& wanted, const Randomness& random) const override;
  Verdict plan(const Fetched& fetched, Planned& planned, std::size_t position) const override;
  /// The sample that was rejected may be one that is mixed in.
  void replace(Wanted& wanted, Planned& planned, std::size_t position) const override;
  LaidOut lay_out(const Fetched& fetched, Planned& planned, std::size_t samples) const override;
  void furnish(const Planned& planned, const LaidOut& laid_out) const override;
  void decode(const Fetched& fetched, const Planned& planned, const LaidOut& laid_out,
              std::size_t position) const override;

 private:
  struct PlannedSample;
  struct Plan;

  /// What an error of a step concerns that no stored value is to blame for: the image that the others are mixed into.
  FaultPlace own_place(const PlannedSample& planned, std::size_t position) const;
  /// What the steps choose from, in an epoch.
  transform::Items items(const Randomness& random) const { return {spec_.table, random.places.get()}; }
  void want_partners(Wanted& wanted, const Plan& plan, PlannedSample& planned, std::size_t position) const;
  void want_partner(Wanted& wanted, const Plan& plan, PlannedSample& planned, std::size_t position,
                    std::size_t part) const;
  transform::Source part_of(const Fetched& fetched, std::size_t read, const transform::Stream& stream) const;
  base::Shape image_shape(transform::Extent extent) const;
  batch::TensorBatch images_of(std::span<const PlannedSample> samples, std::size_t view) const;
  void lay_out_annotations(std::span<const PlannedSample> samples, batch::Batch& batch) const;
  void lay_out_masks(std::span<const PlannedSample> samples, batch::Batch& batch) const;
  void write_images(const Fetched& fetched, const PlannedSample& planned, const batch::Batch& batch,
                    std::size_t position, base::SplitTimer& timer) const;

  DetectionSpec spec_;
  OutputLayout layout_;
  const std::vector<TensorSource>& sources_;
  base::Stats& stats_;
  const std::unique_ptr<DecodedImages> images_;
};

}  // namespace penstock::pipeline
