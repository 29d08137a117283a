#include "decode/image_decoder.h"

#include <algorithm>
#include <string>
#include <vector>

#include "base/error.h"
#include "decode/codecs.h"
#include "decode/raw.h"

namespace penstock::decode {
namespace {

/// An image that was decoded whole.
class DecodedRows final : public base::RowSource {
 public:
  DecodedRows(format::Compression compression, base::Bytes encoded, const base::Shape& stored, Color color)
      : size_(image_size(decoded_shape(stored, color))),
        pixels_(std::size_t{size_.height} * size_.width * size_.channels) {
    decode_image(compression, encoded, stored, 1, color, pixels_);
  }

  std::uint32_t height() const override { return size_.height; }
  std::uint32_t width() const override { return size_.width; }
  std::uint32_t channels() const override { return size_.channels; }

  void read(std::uint8_t* rows, std::size_t stride, std::uint32_t count) override {
    const std::size_t bytes = std::size_t{size_.width} * size_.channels;
    for (std::uint32_t i = 0; i < count; ++i, ++row_) {
      std::copy_n(pixels_.data() + row_ * bytes, bytes, reinterpret_cast<std::byte*>(rows + i * stride));
    }
  }

  void skip(std::uint32_t count) override { row_ += count; }
  void finish() override {}

 private:
  ImageSize size_;
  std::vector<std::byte> pixels_;
  std::size_t row_ = 0;
};

void read_all(base::RowSource& rows, base::MutableBytes pixels) {
  rows.read(reinterpret_cast<std::uint8_t*>(pixels.data()), std::size_t{rows.width()} * rows.channels(), rows.height());
  rows.finish();
}

std::unique_ptr<base::RowSource> open_kept(format::Compression compression, base::Bytes kept, const base::Shape& stored,
                                           Color color, bool padded) {
  auto rows = codec_of(compression).open_kept(kept, image_size(stored), color, padded);
  if (rows != nullptr) return rows;
  throw base::Error(base::ErrorKind::kDecode, "what was kept of the image is damaged, or of another image");
}

}  // namespace

bool can_be_kept(format::Compression compression) {
  return format::is_image_file(compression) && codec_of(compression).open_kept != nullptr;
}

void decode_image(format::Compression compression, base::Bytes encoded, const base::Shape& stored,
                  std::uint32_t item_size, Color color, base::MutableBytes pixels, const Keep& keep) {
  if (has_no_elements(stored)) {
    // What is no file must have no bytes; of files, check_claim() has asked.
    if (!format::is_image_file(compression)) copy_array(compression, encoded, pixels);
    return;
  }
  const ImageSize size = image_size(stored);
  const Codec& codec = codec_of(compression);
  if (color != Color::kNative && item_size != 1) {
    throw base::Error(base::ErrorKind::kUnsupported, "color conversion of images that are not uint8 is not supported");
  }
  if (codec.only_uint8 && item_size != 1) {
    throw base::Error(base::ErrorKind::kUnsupported,
                      std::string("a ") + codec.title + " in a tensor that is not uint8 is not supported");
  }
  if (keep) return read_all(*codec.open_and_keep(encoded, size, color, /*padded=*/false, keep), pixels);
  if (color != Color::kGray || codec.makes_gray) {
    codec.decode(encoded, size, item_size, color, pixels);
    return;
  }
  std::vector<std::byte> rgb(pixels.size() * 3);
  codec.decode(encoded, size, item_size, Color::kRgb, rgb);
  reduce_to_gray(rgb, pixels);
}

std::unique_ptr<base::RowSource> open_image(format::Compression compression, base::Bytes encoded,
                                            const base::Shape& stored, Color color, const Keep& keep) {
  const Codec& codec = codec_of(compression);
  if (keep) return codec.open_and_keep(encoded, image_size(stored), color, /*padded=*/true, keep);
  if (codec.open != nullptr) return codec.open(encoded, image_size(stored), color);
  return std::make_unique<DecodedRows>(compression, encoded, stored, color);
}

void decode_kept(format::Compression compression, base::Bytes kept, const base::Shape& stored, Color color,
                 base::MutableBytes pixels) {
  read_all(*open_kept(compression, kept, stored, color, /*padded=*/false), pixels);
}

std::unique_ptr<base::RowSource> open_kept(format::Compression compression, base::Bytes kept, const base::Shape& stored,
                                           Color color) {
  return open_kept(compression, kept, stored, color, /*padded=*/true);
}

ImageHeader read_image_header(format::Compression compression, base::Bytes encoded, std::uint32_t item_size) {
  const Codec& codec = codec_of(compression);
  if (codec.header == nullptr) {
    throw base::Error(base::ErrorKind::kUnsupported, "only JPEG and PNG files state their size");
  }
  ImageHeader header = codec.header(encoded, item_size);
  if (header.shape[0] == 0 || header.shape[1] == 0) {
    throw base::Error(base::ErrorKind::kDecode, "the image's stated size is zero", kDamagedImage);
  }
  return header;
}

}  // namespace penstock::decode
