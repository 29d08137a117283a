#include "decode/jpeg/turbo_reader.h"

#include <algorithm>
#include <csetjmp>
#include <cstdio>
#include <iterator>
#include <string>
#include <vector>

#include <jpeglib.h>

#include "base/error.h"
#include "decode/image_header.h"

namespace penstock::decode {

/// Note [libjpeg and setjmp]
/// libjpeg reports errors by a callback that must not return. No exception may cross its C frames, so the callback
/// jumps. A jump skips destructors: everything between a setjmp and the last libjpeg call lives in one of the functions
/// that say so below, whose locals are all trivial, while Context, which owns the decompressor, lives in their callers.
class TurboReader::Context {
 public:
  /// What setjmp() comes back with.
  enum : int { kError = 1, kEndOfData = 2 };

  Context() {
    info.err = jpeg_std_error(&manager);
    manager.error_exit = [](j_common_ptr common) {
      auto* context = static_cast<Context*>(common->client_data);
      common->err->format_message(common, context->message);
      std::longjmp(context->escape, kError);
    };
    // Warnings, of stray bytes and of bits that mean nothing, leave a picture that all decoders agree on.
    manager.emit_message = [](j_common_ptr, int) {};
    manager.output_message = [](j_common_ptr) {};
    progress.progress_monitor = [](j_common_ptr common) {
      auto* context = static_cast<Context*>(common->client_data);
      if (context->info.input_scan_number <= kMostScans) return;
      std::snprintf(context->message, sizeof context->message, "more than %d scans", kMostScans);
      std::longjmp(context->escape, kError);
    };
    source.init_source = [](j_decompress_ptr) {};
    source.fill_input_buffer = &Context::fill;
    source.skip_input_data = [](j_decompress_ptr decompressor, long count) {
      jpeg_source_mgr& rest = *decompressor->src;
      const std::size_t skipped = std::min(static_cast<std::size_t>(count), rest.bytes_in_buffer);
      rest.next_input_byte += skipped;
      rest.bytes_in_buffer -= skipped;
    };
    source.resync_to_restart = jpeg_resync_to_restart;
    source.term_source = [](j_decompress_ptr) {};
    info.client_data = this;
  }
  ~Context() { jpeg_destroy_decompress(&info); }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  enum class Outcome { kDone, kFailed, kOtherSize };

  Outcome start(base::Bytes encoded, const ImageSize& size, Color color, bool padded);
  Outcome read(std::uint8_t* rows, std::size_t stride, std::uint32_t count);
  Outcome finish(std::uint8_t* row);

  jpeg_decompress_struct info{};
  jpeg_error_mgr manager{};
  jpeg_source_mgr source{};
  jpeg_progress_mgr progress{};
  std::jmp_buf escape{};
  char message[JMSG_LENGTH_MAX] = {};

 private:
  static boolean fill(j_decompress_ptr decompressor);
  void look_at_the_rest();

  base::Bytes encoded_;
  bool rows_missing_ = true;
};

namespace {

/// What Pillow hands to libjpeg at a time.
constexpr std::size_t kPillowsBlock = 65536;

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

/// The data are at their end. That is an error for Pillow, and so for Deep Lake and for us, as long as rows are
/// missing; libjpeg's own sources would make gray of them. After the last row nothing more is needed, least of all the
/// end marker.
boolean TurboReader::Context::fill(j_decompress_ptr decompressor) {
  auto* context = static_cast<Context*>(decompressor->client_data);
  if (!context->rows_missing_) std::longjmp(context->escape, kEndOfData);
  std::snprintf(context->message, sizeof context->message, "the data ends too early");
  std::longjmp(context->escape, kError);
}

/// Errors up to the end marker count, but no farther than Pillow looks, which has read the file in blocks.
void TurboReader::Context::look_at_the_rest() {
  rows_missing_ = false;
  const auto* const begin = reinterpret_cast<const JOCTET*>(encoded_.data());
  const auto done = static_cast<std::size_t>(source.next_input_byte - begin);
  const std::size_t block_end = (done + kPillowsBlock - 1) / kPillowsBlock * kPillowsBlock;
  source.bytes_in_buffer = std::min(source.bytes_in_buffer, block_end - done);
  jpeg_finish_decompress(&info);
}

/// See Note [libjpeg and setjmp]: no local here may have a destructor.
TurboReader::Context::Outcome TurboReader::Context::start(base::Bytes encoded, const ImageSize& size, Color color,
                                                          bool padded) {
  if (setjmp(escape) != 0) return Outcome::kFailed;
  jpeg_create_decompress(&info);
  info.progress = &progress;
  encoded_ = encoded;
  source.next_input_byte = reinterpret_cast<const JOCTET*>(encoded.data());
  source.bytes_in_buffer = encoded.size();
  info.src = &source;
  // Tables alone may come first, as a file of their own.
  while (jpeg_read_header(&info, FALSE) == JPEG_HEADER_TABLES_ONLY) {
  }
  if (info.image_height != size.height || info.image_width != size.width ||
      static_cast<std::uint32_t>(info.num_components) != size.channels) {
    return Outcome::kOtherSize;
  }
  if (info.data_precision != 8) {
    std::snprintf(message, sizeof message, "samples of %d bits are not read", info.data_precision);
    return Outcome::kFailed;
  }
  info.out_color_space = output_space(color, info.num_components, padded);
  info.dct_method = JDCT_ISLOW;
  info.do_fancy_upsampling = TRUE;
  jpeg_start_decompress(&info);
  return Outcome::kDone;
}

/// See Note [libjpeg and setjmp]: no local here may have a destructor.
TurboReader::Context::Outcome TurboReader::Context::read(std::uint8_t* rows, std::size_t stride, std::uint32_t count) {
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
TurboReader::Context::Outcome TurboReader::Context::finish(std::uint8_t* row) {
  switch (setjmp(escape)) {
    case 0:
      break;
    case kEndOfData:
      return Outcome::kDone;
    default:
      return Outcome::kFailed;
  }
  // libjpeg-turbo leaves the data alone when it skips the last row; so that row is read. Of a lossless image, whose
  // scans name a predictor in place of coefficients, it skips none.
  const bool lossless = info.Ss > 0 && info.Se == 0;
  if (!lossless && info.output_scanline + 1 < info.output_height) {
    jpeg_skip_scanlines(&info, info.output_height - 1 - info.output_scanline);
  }
  JSAMPROW pointers[1] = {row};
  while (info.output_scanline < info.output_height) jpeg_read_scanlines(&info, pointers, 1);
  look_at_the_rest();
  return Outcome::kDone;
}

TurboReader::TurboReader(base::Bytes encoded, const ImageSize& size, Color color, bool padded)
    : context_(std::make_unique<Context>()), size_(size) {
  if (encoded.empty()) fail("no data", kDamagedImage);
  // Where no marker follows the first, libjpeg would look for one; Pillow does not.
  constexpr std::byte kStart[] = {std::byte{0xFF}, std::byte{0xD8}};
  if (encoded.size() > 2 && std::equal(std::begin(kStart), std::end(kStart), encoded.begin()) &&
      encoded[2] != std::byte{0xFF}) {
    fail("the data does not begin as a JPEG does", kDamagedImage);
  }
  const jpeg_decompress_struct& info = context_->info;
  switch (context_->start(encoded, size, color, padded)) {
    case Context::Outcome::kDone:
      break;
    case Context::Outcome::kFailed:
      fail(context_->message, kDamagedImage);
    case Context::Outcome::kOtherSize:
      check_size("JPEG", {info.image_height, info.image_width, static_cast<std::uint32_t>(info.num_components)}, size);
  }
  const bool cmyk = info.out_color_space == JCS_CMYK;
  inverted_ = cmyk && color == Color::kNative;
  if (cmyk && color != Color::kNative) cmyk_to_ = color;
  channels_ = static_cast<std::uint32_t>(info.output_components);
  if (cmyk_to_) channels_ = color == Color::kGray ? 1 : padded ? 4 : 3;
}

TurboReader::~TurboReader() = default;

void TurboReader::read(std::uint8_t* rows, std::size_t stride, std::uint32_t count) {
  if (cmyk_to_) return read_cmyk(rows, stride, count);
  if (context_->read(rows, stride, count) != Context::Outcome::kDone) fail(context_->message, kDamagedImage);
  if (!inverted_) return;
  for (std::uint32_t row = 0; row < count; ++row) {
    std::uint8_t* values = rows + row * stride;
    std::transform(values, values + std::size_t{size_.width} * channels_, values,
                   [](std::uint8_t value) { return static_cast<std::uint8_t>(~value); });
  }
}

void TurboReader::read_cmyk(std::uint8_t* rows, std::size_t stride, std::uint32_t count) {
  std::vector<std::uint8_t> cmyk(std::size_t{size_.width} * 4);
  for (std::uint32_t row = 0; row < count; ++row) {
    if (context_->read(cmyk.data(), cmyk.size(), 1) != Context::Outcome::kDone) fail(context_->message, kDamagedImage);
    convert_cmyk(cmyk.data(), size_.width, *cmyk_to_, channels_, rows + row * stride);
  }
}

void TurboReader::finish() {
  const std::size_t channels = cmyk_to_ ? 4 : channels_;
  const auto row = std::make_unique_for_overwrite<std::uint8_t[]>(std::size_t{size_.width} * channels);
  if (context_->finish(row.get()) != Context::Outcome::kDone) fail(context_->message, kDamagedImage);
}

}  // namespace penstock::decode
