#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/stats.h"
#include "pipeline/decoded_images.h"
#include "pipeline/fetched.h"
#include "transform/pixels/pixel_source.h"

namespace penstock::pipeline {

/// The stored images that one sample of a batch is made of, decoded when its pixels are asked for. Errors, now or
/// while rows are read, name the image concerned, which may be another than the sample's own.
class StoredImages final : public transform::PixelSources {
 public:
  /// `reads`: which of what was fetched they are, in the order of the plan's sources. Decoding is a part of `timer`.
  /// `shared`: those that several samples need; null where each is decoded for itself.
  StoredImages(const Fetched& fetched, std::span<const std::size_t> reads, std::size_t tensor, base::SplitTimer& timer,
               DecodedImages* shared = nullptr)
      : fetched_(fetched), reads_(reads), tensor_(tensor), timer_(timer), shared_(shared) {}

  std::unique_ptr<base::RowSource> open(std::size_t number) override;

 private:
  std::unique_ptr<base::RowSource> decode(std::size_t read);

  const Fetched& fetched_;
  std::span<const std::size_t> reads_;
  std::size_t tensor_;
  base::SplitTimer& timer_;
  DecodedImages* shared_;
};

}  // namespace penstock::pipeline
