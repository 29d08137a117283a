#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/stats.h"
#include "batch/slab_pool.h"
#include "pipeline/job.h"
#include "pipeline/mask_source.h"
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

/// The seed and the epoch that all random numbers follow from.
struct Randomness {
  std::uint64_t seed = 0;
  std::uint64_t epoch = 0;
};

/// Turns stored samples into a detector's: geometry first, pixels once. Stateless, thread-safe.
///
/// The tensors of its batches: the images, once for each view; then, with annotations, gt_bboxes (float32, n x 4),
/// gt_labels (int64, n), gt_bboxes_ignore (float32, n x 4); then masks as MaskSource says.
class Detection {
 public:
  explicit Detection(DetectionSpec spec);

  std::size_t outputs() const { return views_ + (annotated_ ? 3 : 0) + (spec_.masks ? 2 : 0); }
  /// Whether geometry takes long enough to be spread over threads.
  bool heavy() const { return spec_.masks.has_value(); }

  /// What an error of a step concerns that no stored value is to blame for: the image that the others are mixed into.
  Place own(const Job& job, std::size_t position) const {
    return {position, job.planned[position].reads[0], spec_.image, 0};
  }

  /// Adds the samples that are mixed into those of the batch to what the job reads.
  void expand(Job& job, const Randomness& random) const;

  /// The geometry of one sample; it has no views then where the pipeline rejects it.
  void plan(Job& job, std::size_t position, const std::vector<TensorSource>& sources, const Randomness& random) const;

  /// Gives the job another sample to read in the place of one that was rejected, be it one that is mixed in. Of one
  /// thread at a time.
  void replace(Job& job, std::size_t position, const Randomness& random) const;

  /// Takes the memory of the batch and fills in everything but pixels and masks.
  void lay_out(Job& job, std::size_t samples, std::vector<batch::SlabPool>& slabs) const;

  /// Writes the pixels and masks of one sample. Decoding is a part of `timer`.
  void run(const Job& job, std::size_t position, const std::vector<TensorSource>& sources,
           base::SplitTimer& timer) const;

 private:
  void read_partners(Job& job, std::size_t position, const Randomness& random) const;
  transform::Stream stream(const Job& job, std::size_t position, const Randomness& random) const;
  base::Shape image_shape(transform::Extent extent) const;
  void lay_out_images(Job& job, std::size_t samples, std::size_t view, batch::SlabPool& slabs) const;
  void lay_out_annotations(Job& job, std::size_t samples, std::span<batch::SlabPool> slabs) const;
  void lay_out_masks(Job& job, std::size_t samples, std::span<batch::SlabPool> slabs) const;

  DetectionSpec spec_;
  std::size_t views_ = 1;
  bool annotated_ = false;
};

}  // namespace penstock::pipeline
