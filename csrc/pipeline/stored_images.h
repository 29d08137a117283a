#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/stats.h"
#include "pipeline/job.h"
#include "pipeline/tensor_source.h"
#include "transform/pixels/pixel_source.h"

namespace penstock::pipeline {

/// The stored images that one sample of a batch is made of, decoded when its pixels are asked for. Errors, now or
/// while rows are read, name the image concerned, which may be another than the sample's own.
class StoredImages final : public transform::PixelSources {
 public:
  /// `reads`: which of the job's reads they are, in the order of the plan's sources. Decoding is a part of `timer`.
  StoredImages(const Job& job, std::span<const std::size_t> reads, const TensorSource& source, std::size_t tensor,
               base::SplitTimer& timer)
      : job_(job), reads_(reads), source_(source), tensor_(tensor), timer_(timer) {}

  std::unique_ptr<transform::PixelSource> open(std::size_t number) override;

 private:
  const Job& job_;
  std::span<const std::size_t> reads_;
  const TensorSource& source_;
  std::size_t tensor_;
  base::SplitTimer& timer_;
};

}  // namespace penstock::pipeline
