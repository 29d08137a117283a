#include "decode/jpeg.h"

#include <algorithm>
#include <csetjmp>
#include <cstdio>
#include <string>
#include <vector>

#include <jpeglib.h>
// After jpeglib.h, which it needs.
#include <jerror.h>

#include "base/error.h"

namespace penstock::decode {

/// Note [libjpeg and setjmp]
/// libjpeg reports errors by a callback that must not return. No exception may cross its C frames, so the callback
/// jumps. A jump skips destructors: everything between a setjmp and the last libjpeg call lives in one of the functions
/// that say so below, whose locals are all trivial, while Context, which owns the decompressor, lives in their callers.
class JpegReader::Context {
 public:
  Context() {
    info.err = jpeg_std_error(&manager);
    manager.error_exit = [](j_common_ptr common) {
      auto* context = static_cast<Context*>(common->client_data);
      common->err->format_message(common, context->message);
      std::longjmp(context->escape, 1);
    };
    manager.emit_message = [](j_common_ptr common, int level) {
      // Data that ends early is filled up by libjpeg with gray and a warning: Deep Lake and Pillow refuse it, and so
      // do we. Other warnings (stray bytes, odd markers) leave a picture that all decoders agree on.
      if (level < 0 && common->err->msg_code == JWRN_JPEG_EOF) common->err->error_exit(common);
    };
    manager.output_message = [](j_common_ptr) {};
    progress.progress_monitor = [](j_common_ptr common) {
      auto* context = static_cast<Context*>(common->client_data);
      if (context->info.input_scan_number <= kMostScans) return;
      std::snprintf(context->message, sizeof context->message, "more than %d scans", kMostScans);
      std::longjmp(context->escape, 1);
    };
    info.client_data = this;
  }
  ~Context() { jpeg_destroy_decompress(&info); }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  enum class Outcome { kDone, kFailed, kOtherSize, kOtherChannels };

  Outcome start(base::Bytes encoded, const ImageSize& size, Color color, bool padded);
  Outcome read(std::uint8_t* rows, std::size_t stride, std::uint32_t count);
  Outcome finish(std::uint8_t* row);

  jpeg_decompress_struct info{};
  jpeg_error_mgr manager{};
  jpeg_progress_mgr progress{};
  std::jmp_buf escape{};
  char message[JMSG_LENGTH_MAX] = {};
};

namespace {

constexpr const char* kDamaged = "The image is damaged: replace the sample, or leave it out.";

J_COLOR_SPACE output_space(Color color, int components, bool padded) {
  if (components == 4) return JCS_CMYK;
  if (color == Color::kBgr) return padded ? JCS_EXT_BGRX : JCS_EXT_BGR;
  if (color == Color::kGray || (color == Color::kNative && components == 1)) return JCS_GRAYSCALE;
  return padded ? JCS_EXT_RGBX : JCS_EXT_RGB;
}

/// A row of CMYK in another color, as OpenCV 4 converts it: integers, all cut. Inverted values are taken as they are.
void convert_cmyk(const std::uint8_t* cmyk, std::size_t width, Color color, std::uint32_t channels, std::uint8_t* out) {
  for (std::size_t x = 0; x < width; ++x, cmyk += 4, out += channels) {
    const auto level = [black = int{cmyk[3]}](int ink) { return black - ((255 - ink) * black >> 8); };
    const int red = level(cmyk[0]);
    const int green = level(cmyk[1]);
    const int blue = level(cmyk[2]);
    if (color == Color::kGray) {
      out[0] = static_cast<std::uint8_t>((blue * 1868 + green * 9617 + red * 4899 + (1 << 13)) >> 14);
      continue;
    }
    out[0] = static_cast<std::uint8_t>(color == Color::kBgr ? blue : red);
    out[1] = static_cast<std::uint8_t>(green);
    out[2] = static_cast<std::uint8_t>(color == Color::kBgr ? red : blue);
    if (channels == 4) out[3] = 255;
  }
}

[[noreturn]] void fail(const std::string& cause, const char* hint = "") {
  throw base::Error(base::ErrorKind::kDecode, "JPEG: " + cause, hint);
}

}  // namespace

/// See Note [libjpeg and setjmp]: no local here may have a destructor.
JpegReader::Context::Outcome JpegReader::Context::start(base::Bytes encoded, const ImageSize& size, Color color,
                                                        bool padded) {
  if (setjmp(escape) != 0) return Outcome::kFailed;
  jpeg_create_decompress(&info);
  info.progress = &progress;
  jpeg_mem_src(&info, reinterpret_cast<const unsigned char*>(encoded.data()),
               static_cast<unsigned long>(encoded.size()));
  jpeg_read_header(&info, TRUE);
  if (info.image_height != size.height || info.image_width != size.width) return Outcome::kOtherSize;
  if (static_cast<std::uint32_t>(info.num_components) != size.channels) return Outcome::kOtherChannels;
  info.out_color_space = output_space(color, info.num_components, padded);
  info.dct_method = JDCT_ISLOW;
  info.do_fancy_upsampling = TRUE;
  jpeg_start_decompress(&info);
  return Outcome::kDone;
}

/// See Note [libjpeg and setjmp]: no local here may have a destructor.
JpegReader::Context::Outcome JpegReader::Context::read(std::uint8_t* rows, std::size_t stride, std::uint32_t count) {
  if (setjmp(escape) != 0) return Outcome::kFailed;
  constexpr JDIMENSION kMostRows = 16;
  JSAMPROW pointers[kMostRows];
  const JDIMENSION first = info.output_scanline;
  while (info.output_scanline - first < count) {
    const JDIMENSION done = info.output_scanline - first;
    const JDIMENSION wanted = std::min(kMostRows, count - done);
    for (JDIMENSION i = 0; i < wanted; ++i) pointers[i] = rows + (done + i) * stride;
    // None comes once all rows have been read: whoever asks for more would wait for ever.
    if (jpeg_read_scanlines(&info, pointers, wanted) == 0) return Outcome::kFailed;
  }
  return Outcome::kDone;
}

/// See Note [libjpeg and setjmp]: no local here may have a destructor.
JpegReader::Context::Outcome JpegReader::Context::finish(std::uint8_t* row) {
  if (setjmp(escape) != 0) return Outcome::kFailed;
  // libjpeg-turbo leaves the data alone when it skips the last row; so that row is read.
  if (info.output_scanline + 1 < info.output_height) {
    jpeg_skip_scanlines(&info, info.output_height - 1 - info.output_scanline);
  }
  JSAMPROW pointers[1] = {row};
  while (info.output_scanline < info.output_height) jpeg_read_scanlines(&info, pointers, 1);
  jpeg_finish_decompress(&info);
  return Outcome::kDone;
}

JpegReader::JpegReader(base::Bytes encoded, const ImageSize& size, Color color, bool padded)
    : context_(std::make_unique<Context>()), size_(size) {
  if (encoded.empty()) fail("no data", kDamaged);
  const jpeg_decompress_struct& info = context_->info;
  switch (context_->start(encoded, size, color, padded)) {
    case Context::Outcome::kDone:
      break;
    case Context::Outcome::kFailed:
      fail(context_->message, kDamaged);
    case Context::Outcome::kOtherSize:
      fail("the image is " + std::to_string(info.image_height) + " x " + std::to_string(info.image_width) +
           " (height x width), the dataset says " + std::to_string(size.height) + " x " + std::to_string(size.width));
    case Context::Outcome::kOtherChannels:
      fail("the image has " + std::to_string(info.num_components) + " channels, the dataset says " +
           std::to_string(size.channels));
  }
  const bool cmyk = info.out_color_space == JCS_CMYK;
  inverted_ = cmyk && color == Color::kNative;
  if (cmyk && color != Color::kNative) cmyk_to_ = color;
  channels_ = static_cast<std::uint32_t>(info.output_components);
  if (cmyk_to_) channels_ = color == Color::kGray ? 1 : padded ? 4 : 3;
}

JpegReader::~JpegReader() = default;

void JpegReader::read(std::uint8_t* rows, std::size_t stride, std::uint32_t count) {
  if (cmyk_to_) return read_cmyk(rows, stride, count);
  if (context_->read(rows, stride, count) != Context::Outcome::kDone) fail(context_->message, kDamaged);
  if (!inverted_) return;
  for (std::uint32_t row = 0; row < count; ++row) {
    std::uint8_t* values = rows + row * stride;
    std::transform(values, values + std::size_t{size_.width} * channels_, values,
                   [](std::uint8_t value) { return static_cast<std::uint8_t>(~value); });
  }
}

void JpegReader::read_cmyk(std::uint8_t* rows, std::size_t stride, std::uint32_t count) {
  std::vector<std::uint8_t> cmyk(std::size_t{size_.width} * 4);
  for (std::uint32_t row = 0; row < count; ++row) {
    if (context_->read(cmyk.data(), cmyk.size(), 1) != Context::Outcome::kDone) fail(context_->message, kDamaged);
    convert_cmyk(cmyk.data(), size_.width, *cmyk_to_, channels_, rows + row * stride);
  }
}

void JpegReader::finish() {
  const std::size_t channels = cmyk_to_ ? 4 : channels_;
  const auto row = std::make_unique_for_overwrite<std::uint8_t[]>(std::size_t{size_.width} * channels);
  if (context_->finish(row.get()) != Context::Outcome::kDone) fail(context_->message, kDamaged);
}

void decode_jpeg(base::Bytes encoded, const ImageSize& size, Color color, base::MutableBytes pixels) {
  JpegReader reader(encoded, size, color);
  reader.read(reinterpret_cast<std::uint8_t*>(pixels.data()), std::size_t{size.width} * reader.channels(), size.height);
  reader.finish();
}

}  // namespace penstock::decode
