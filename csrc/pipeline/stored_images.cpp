#include "pipeline/stored_images.h"

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "decode/image_decoder.h"

namespace penstock::pipeline {
namespace {

using transform::Extent;

/// An image that was decoded as a whole.
class WholeImage final : public transform::PixelSource {
 public:
  WholeImage(Extent extent, std::uint32_t channels)
      : extent_(extent),
        channels_(channels),
        pixels_(static_cast<std::size_t>(extent.height) * static_cast<std::size_t>(extent.width) * channels) {}

  base::MutableBytes pixels() { return std::as_writable_bytes(std::span(pixels_)); }

  Extent extent() const override { return extent_; }
  std::uint32_t channels() const override { return channels_; }
  void read(std::uint8_t* rows, std::size_t stride, std::uint32_t count) override {
    const std::size_t row = static_cast<std::size_t>(extent_.width) * channels_;
    for (std::uint32_t i = 0; i < count; ++i, ++next_) std::memcpy(rows + i * stride, &pixels_[next_ * row], row);
  }
  void finish() override {}

 private:
  Extent extent_;
  std::uint32_t channels_;
  std::vector<std::uint8_t> pixels_;
  std::size_t next_ = 0;
};

}  // namespace

std::unique_ptr<transform::PixelSource> StoredImages::open(std::size_t number) {
  const Read& read = job_.reads[reads_[number]];
  const FetchedSample& sample = job_.fetched[tensor_][reads_[number]];
  try {
    const base::Shape shape = decode::decoded_shape(sample.shape, source_.color);
    const decode::ImageSize size = decode::image_size(shape);
    auto image = std::make_unique<WholeImage>(
        Extent{static_cast<std::int32_t>(size.height), static_cast<std::int32_t>(size.width)}, size.channels);
    decode::decode_image(source_.format.sample_compression, sample.stored, sample.shape, source_.format.item_size,
                         source_.color, image->pixels());
    return image;
  } catch (base::Error& error) {
    error.set_place(source_.format.name, read.sample, source_.index.key(source_.index.locate(read.sample).row));
    throw;
  }
}

}  // namespace penstock::pipeline
