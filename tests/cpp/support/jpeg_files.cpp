#include "support/jpeg_files.h"

#include <turbojpeg.h>

#include <cstdlib>
#include <random>
#include <stdexcept>

namespace penstock::test {
namespace {

class Handle {
 public:
  explicit Handle(tjhandle handle) : handle_(handle) {}
  ~Handle() { tjDestroy(handle_); }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  tjhandle get() const { return handle_; }

 private:
  tjhandle handle_;
};

int pixel_format(std::uint32_t channels) {
  if (channels == 1) return TJPF_GRAY;
  return channels == 4 ? TJPF_CMYK : TJPF_RGB;
}

}  // namespace

Picture make_picture(std::uint32_t height, std::uint32_t width, std::uint32_t channels, unsigned seed) {
  std::mt19937 generator(seed);
  Picture picture{height, width, channels, {}};
  const std::uint32_t slope = 1 + static_cast<std::uint32_t>(generator() % 9);
  for (std::uint32_t y = 0; y < height; ++y) {
    for (std::uint32_t x = 0; x < width; ++x) {
      for (std::uint32_t c = 0; c < channels; ++c) {
        const std::uint32_t edge = x > width / 2 ? 90U : 0U;
        const auto noise = static_cast<std::uint32_t>(generator() % 23);
        picture.pixels.push_back(static_cast<std::byte>((y * slope + x * (c + 1) + edge + noise + seed) & 0xFFU));
      }
    }
  }
  return picture;
}

ByteVector encode_jpeg(const Picture& picture, Subsampling subsampling, bool progressive) {
  const Handle encoder(tjInitCompress());
  int sampling = picture.channels == 1 ? TJSAMP_GRAY : TJSAMP_444;
  if (picture.channels != 1 && subsampling == Subsampling::k422) sampling = TJSAMP_422;
  if (picture.channels != 1 && subsampling == Subsampling::k420) sampling = TJSAMP_420;
  unsigned char* file = nullptr;
  unsigned long bytes = 0;
  constexpr int kQuality = 90;
  if (tjCompress2(encoder.get(), reinterpret_cast<const unsigned char*>(picture.pixels.data()),
                  static_cast<int>(picture.width), 0, static_cast<int>(picture.height), pixel_format(picture.channels),
                  &file, &bytes, sampling, kQuality, progressive ? TJFLAG_PROGRESSIVE : 0) != 0) {
    throw std::runtime_error(tjGetErrorStr2(encoder.get()));
  }
  const auto* begin = reinterpret_cast<const std::byte*>(file);
  ByteVector out(begin, begin + bytes);
  tjFree(file);
  return out;
}

ByteVector decode_jpeg_plainly(const ByteVector& file, std::uint32_t height, std::uint32_t width, PlainFormat format) {
  const Handle decoder(tjInitDecompress());
  constexpr int kFormats[] = {TJPF_GRAY, TJPF_RGB, TJPF_BGR, TJPF_CMYK};
  const int wanted = kFormats[static_cast<int>(format)];
  ByteVector pixels(static_cast<std::size_t>(height) * width * static_cast<std::size_t>(tjPixelSize[wanted]));
  if (tjDecompress2(decoder.get(), reinterpret_cast<const unsigned char*>(file.data()), file.size(),
                    reinterpret_cast<unsigned char*>(pixels.data()), static_cast<int>(width), 0,
                    static_cast<int>(height), wanted, TJFLAG_ACCURATEDCT) != 0) {
    throw std::runtime_error(tjGetErrorStr2(decoder.get()));
  }
  return pixels;
}

}  // namespace penstock::test
