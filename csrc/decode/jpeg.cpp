#include "decode/jpeg.h"

#include <algorithm>
#include <csetjmp>
#include <cstdio>
#include <string>

#include <jpeglib.h>
// After jpeglib.h, which it needs.
#include <jerror.h>

#include "base/error.h"

namespace penstock::decode {
namespace {

/// Note [libjpeg and setjmp]
/// libjpeg reports errors by a callback that must not return. No exception may cross its C frames, so the callback
/// jumps. A jump skips destructors: everything between setjmp and the last libjpeg call lives in decode_scanlines(),
/// whose locals are all trivial, while JpegContext, which owns the decompressor, lives in its caller.
class JpegContext {
 public:
  JpegContext() {
    info.err = jpeg_std_error(&manager);
    manager.error_exit = [](j_common_ptr common) {
      auto* context = static_cast<JpegContext*>(common->client_data);
      common->err->format_message(common, context->message);
      std::longjmp(context->escape, 1);
    };
    manager.emit_message = [](j_common_ptr common, int level) {
      // Data that ends early is filled up by libjpeg with gray and a warning: Deep Lake and Pillow refuse it, and so
      // do we. Other warnings (stray bytes, odd markers) leave a picture that all decoders agree on.
      if (level < 0 && common->err->msg_code == JWRN_JPEG_EOF) common->err->error_exit(common);
    };
    manager.output_message = [](j_common_ptr) {};
    info.client_data = this;
  }
  ~JpegContext() { jpeg_destroy_decompress(&info); }
  JpegContext(const JpegContext&) = delete;
  JpegContext& operator=(const JpegContext&) = delete;

  jpeg_decompress_struct info{};
  jpeg_error_mgr manager{};
  std::jmp_buf escape{};
  char message[JMSG_LENGTH_MAX] = {};
};

struct Request {
  const unsigned char* data;
  unsigned long bytes;
  ImageSize size;
  Color color;
  unsigned char* out;
};

enum class Outcome { kDone, kFailed, kOtherSize, kOtherChannels, kNoConversion };

J_COLOR_SPACE output_space(const Request& request, int components) {
  if (request.color == Color::kRgb) return JCS_EXT_RGB;
  if (request.color == Color::kBgr) return JCS_EXT_BGR;
  if (components == 1) return JCS_GRAYSCALE;
  if (components == 4) return JCS_CMYK;
  return JCS_EXT_RGB;
}

/// See Note [libjpeg and setjmp]: no local here may have a destructor.
Outcome decode_scanlines(JpegContext& context, const Request& request) {
  jpeg_decompress_struct& info = context.info;
  if (setjmp(context.escape) != 0) return Outcome::kFailed;
  jpeg_create_decompress(&info);
  jpeg_mem_src(&info, request.data, request.bytes);
  jpeg_read_header(&info, TRUE);
  if (info.image_height != request.size.height || info.image_width != request.size.width) return Outcome::kOtherSize;
  if (static_cast<std::uint32_t>(info.num_components) != request.size.channels) return Outcome::kOtherChannels;
  if (request.color != Color::kNative && info.num_components == 4) return Outcome::kNoConversion;
  info.out_color_space = output_space(request, info.num_components);
  info.dct_method = JDCT_ISLOW;
  info.do_fancy_upsampling = TRUE;
  jpeg_start_decompress(&info);
  const std::size_t stride = static_cast<std::size_t>(info.output_width) * static_cast<std::size_t>(info.output_components);
  constexpr JDIMENSION kMostRows = 16;
  JSAMPROW rows[kMostRows];
  while (info.output_scanline < info.output_height) {
    const JDIMENSION count = std::min(kMostRows, info.output_height - info.output_scanline);
    for (JDIMENSION i = 0; i < count; ++i) rows[i] = request.out + (info.output_scanline + i) * stride;
    jpeg_read_scanlines(&info, rows, count);
  }
  // Reads on to the end marker: an image without it has been cut, and whether the last bits were at hand is chance.
  jpeg_finish_decompress(&info);
  return Outcome::kDone;
}

[[noreturn]] void fail(const std::string& cause, const char* hint = "") {
  throw base::Error(base::ErrorKind::kDecode, "JPEG: " + cause, hint);
}

}  // namespace

void decode_jpeg(base::Bytes encoded, const ImageSize& size, Color color, base::MutableBytes pixels) {
  constexpr const char* kDamaged = "The image is damaged: replace the sample, or leave it out.";
  if (encoded.empty()) fail("no data", kDamaged);
  JpegContext context;
  const Request request{reinterpret_cast<const unsigned char*>(encoded.data()), encoded.size(), size, color,
                        reinterpret_cast<unsigned char*>(pixels.data())};
  switch (decode_scanlines(context, request)) {
    case Outcome::kDone:
      break;
    case Outcome::kFailed:
      fail(context.message, kDamaged);
    case Outcome::kOtherSize:
      fail("the image is " + std::to_string(context.info.image_height) + " x " +
           std::to_string(context.info.image_width) + " (height x width), the dataset says " +
           std::to_string(size.height) + " x " + std::to_string(size.width));
    case Outcome::kOtherChannels:
      fail("the image has " + std::to_string(context.info.num_components) + " channels, the dataset says " +
           std::to_string(size.channels));
    case Outcome::kNoConversion:
      throw base::Error(base::ErrorKind::kUnsupported, "JPEG: a CMYK image has no color conversion",
                        "Read it as it is stored, in four channels, or store it as RGB.");
  }
  if (color == Color::kNative && context.info.out_color_space == JCS_CMYK) {
    for (std::byte& value : pixels) value = ~value;
  }
}

}  // namespace penstock::decode
