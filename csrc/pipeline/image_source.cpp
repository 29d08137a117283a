#include "pipeline/image_source.h"

#include <algorithm>
#include <vector>

#include "decode/jpeg.h"

namespace penstock::pipeline {
namespace {

transform::Extent extent_of(const decode::ImageSize& size) {
  return {static_cast<std::int32_t>(size.height), static_cast<std::int32_t>(size.width)};
}

class JpegSource final : public transform::PixelSource {
 public:
  JpegSource(base::Bytes encoded, const decode::ImageSize& size, decode::Color color)
      : reader_(encoded, size, color, /*padded=*/true) {}

  transform::Extent extent() const override { return extent_of(reader_.size()); }
  std::uint32_t channels() const override { return reader_.channels(); }
  void read(std::uint8_t* rows, std::size_t stride, std::uint32_t count) override { reader_.read(rows, stride, count); }
  void finish() override { reader_.finish(); }

 private:
  decode::JpegReader reader_;
};

/// An image that was decoded whole.
class DecodedSource final : public transform::PixelSource {
 public:
  DecodedSource(format::Compression compression, base::Bytes encoded, const base::Shape& stored, decode::Color color)
      : size_(decode::image_size(decode::decoded_shape(stored, color))),
        pixels_(std::size_t{size_.height} * size_.width * size_.channels) {
    decode::decode_image(compression, encoded, stored, 1, color, pixels_);
  }

  transform::Extent extent() const override { return extent_of(size_); }
  std::uint32_t channels() const override { return size_.channels; }
  void read(std::uint8_t* rows, std::size_t stride, std::uint32_t count) override {
    const std::size_t bytes = std::size_t{size_.width} * size_.channels;
    for (std::uint32_t i = 0; i < count; ++i, ++row_) {
      std::copy_n(pixels_.data() + row_ * bytes, bytes, reinterpret_cast<std::byte*>(rows + i * stride));
    }
  }
  void finish() override {}

 private:
  decode::ImageSize size_;
  std::vector<std::byte> pixels_;
  std::size_t row_ = 0;
};

}  // namespace

std::unique_ptr<transform::PixelSource> open_image(format::Compression compression, base::Bytes encoded,
                                                   const base::Shape& stored, decode::Color color) {
  if (compression == format::Compression::kJpeg) {
    return std::make_unique<JpegSource>(encoded, decode::image_size(stored), color);
  }
  return std::make_unique<DecodedSource>(compression, encoded, stored, color);
}

}  // namespace penstock::pipeline
