#include "decode/png.h"

#include <png.h>

#include <algorithm>
#include <cctype>
#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "decode/image_header.h"

namespace penstock::decode {
namespace {

/// What Pillow hands to zlib at a time, which decides how far errors behind the last row are seen.
constexpr png_size_t kPillowsBlock = 65536;
/// Length and name.
constexpr std::size_t kChunkHead = 8;

/// As Note [libjpeg and setjmp] in jpeg.cpp: libpng jumps out of errors too, so the function with setjmp has only
/// trivial locals and its caller owns what must be freed.
class PngContext {
 public:
  explicit PngContext(base::Bytes encoded) : rest(encoded) {
    png = png_create_read_struct(
        PNG_LIBPNG_VER_STRING, this,
        [](png_structp failed, png_const_charp text) {
          auto* context = static_cast<PngContext*>(png_get_error_ptr(failed));
          std::snprintf(context->message, sizeof context->message, "%s", text);
          png_longjmp(failed, 1);
        },
        [](png_structp, png_const_charp) {});
    if (png != nullptr) info = png_create_info_struct(png);
    if (info == nullptr) {
      png_destroy_read_struct(&png, nullptr, nullptr);
      throw std::bad_alloc();
    }
    png_set_read_fn(png, this, [](png_structp reader, png_bytep out, png_size_t count) {
      auto* context = static_cast<PngContext*>(png_get_io_ptr(reader));
      if (count > context->rest.size()) png_error(reader, "the data ends too early");
      std::copy_n(context->rest.begin(), count, reinterpret_cast<std::byte*>(out));
      context->rest = context->rest.subspan(count);
      if (count == kChunkHead) shorten_cut_pixels(out, context->rest.size());
    });
  }
  ~PngContext() { png_destroy_read_struct(&png, &info, nullptr); }
  PngContext(const PngContext&) = delete;
  PngContext& operator=(const PngContext&) = delete;

  png_structp png = nullptr;
  png_infop info = nullptr;
  base::Bytes rest;
  std::uint32_t item_size = 1;  ///< bytes of an element as it will be decoded
  char message[128] = {};

 private:
  /// The head of an IDAT that was cut off says how much there is, so that libpng makes rows of it: they may be all.
  static void shorten_cut_pixels(png_bytep head, std::size_t rest) {
    if (std::memcmp(head + 4, "IDAT", 4) == 0 && png_get_uint_32(head) > rest) {
      png_save_uint_32(head, static_cast<png_uint_32>(rest));
    }
  }
};

enum class Outcome { kDone, kFailed, kOtherSize };

/// Bytes of an element as Pillow decodes it: two for 16-bit gray, else one.
std::uint32_t native_item_size(const PngContext& context) {
  const bool gray = png_get_color_type(context.png, context.info) == PNG_COLOR_TYPE_GRAY;
  return gray && png_get_bit_depth(context.png, context.info) == 16 ? 2 : 1;
}

/// Channels as Pillow decodes them, which has no 16-bit gray with alpha: that becomes RGBA.
std::uint32_t native_channels(const PngContext& context) {
  const bool deep = png_get_bit_depth(context.png, context.info) == 16;
  if (deep && png_get_color_type(context.png, context.info) == PNG_COLOR_TYPE_GRAY_ALPHA) return 4;
  return png_get_channels(context.png, context.info);
}

void choose_native_output(PngContext& context) {
  const int type = png_get_color_type(context.png, context.info);
  const int depth = png_get_bit_depth(context.png, context.info);
  // Pillow gives 0 and 1 for one bit of gray, indices for palettes, and scales two and four bits of gray up.
  if (depth < 8) {
    if (type == PNG_COLOR_TYPE_GRAY && depth > 1) {
      png_set_expand_gray_1_2_4_to_8(context.png);
    } else {
      png_set_packing(context.png);
    }
  }
  if (depth == 16) {
    if (native_item_size(context) == 2) {
      png_set_swap(context.png);
    } else {
      png_set_strip_16(context.png);
    }
    if (type == PNG_COLOR_TYPE_GRAY_ALPHA) png_set_gray_to_rgb(context.png);
  }
}

void choose_color_output(PngContext& context, Color color) {
  const int type = png_get_color_type(context.png, context.info);
  if (type == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(context.png);
  if (png_get_bit_depth(context.png, context.info) == 16) png_set_strip_16(context.png);
  if ((type & PNG_COLOR_MASK_ALPHA) != 0 || png_get_valid(context.png, context.info, PNG_INFO_tRNS) != 0) {
    png_set_strip_alpha(context.png);
  }
  if ((type & PNG_COLOR_MASK_COLOR) == 0) {
    if (png_get_bit_depth(context.png, context.info) < 8) png_set_expand_gray_1_2_4_to_8(context.png);
    png_set_gray_to_rgb(context.png);
  }
  if (color == Color::kBgr) png_set_bgr(context.png);
}

/// Reads the head and checks it. No local here may have a destructor.
Outcome read_head(PngContext& context, const ImageSize& size, Color color) {
  if (setjmp(png_jmpbuf(context.png)) != 0) return Outcome::kFailed;
  // As Pillow reads: sums count up to the first IDAT, those of ancillary chunks too, and none from there on.
  png_set_crc_action(context.png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
  png_set_compression_buffer_size(context.png, kPillowsBlock);
  png_read_info(context.png, context.info);
  png_set_crc_action(context.png, PNG_CRC_QUIET_USE, PNG_CRC_QUIET_USE);
  if (png_get_image_height(context.png, context.info) != size.height ||
      png_get_image_width(context.png, context.info) != size.width || native_channels(context) != size.channels) {
    return Outcome::kOtherSize;
  }
  context.item_size = color == Color::kNative ? native_item_size(context) : 1;
  if (color == Color::kNative) {
    choose_native_output(context);
  } else {
    choose_color_output(context, color);
  }
  png_set_interlace_handling(context.png);
  png_read_update_info(context.png, context.info);
  const std::uint32_t channels = color == Color::kNative ? size.channels : 3;
  if (png_get_channels(context.png, context.info) != channels) png_error(context.png, "unexpected channels");
  return Outcome::kDone;
}

/// After the last row libpng looks for the end of the pixels' data, and nobody else does.
bool all_rows_are_out(const PngContext& context) {
  return png_get_current_pass_number(context.png) == 7 ||
         png_get_current_row_number(context.png) == png_get_image_height(context.png, context.info);
}

/// No local here may have a destructor.
Outcome read_rows(PngContext& context, png_bytepp rows) {
  if (setjmp(png_jmpbuf(context.png)) != 0) return all_rows_are_out(context) ? Outcome::kDone : Outcome::kFailed;
  png_read_image(context.png, rows);
  return Outcome::kDone;
}

[[noreturn]] void fail(const std::string& cause, const char* hint = "") {
  throw base::Error(base::ErrorKind::kDecode, "PNG: " + cause, hint);
}

[[noreturn]] void fail(const PngContext& context, Outcome outcome, const ImageSize& size) {
  if (outcome == Outcome::kOtherSize) {
    const auto height = png_get_image_height(context.png, context.info);
    check_size("PNG", {height, png_get_image_width(context.png, context.info), native_channels(context)}, size);
  }
  fail(context.message, kDamagedImage);
}

void read_pixels(PngContext& context, const ImageSize& size, base::MutableBytes pixels) {
  std::vector<png_bytep> rows(size.height);
  const std::size_t stride = pixels.size() / size.height;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    rows[row] = reinterpret_cast<png_bytep>(pixels.data() + row * stride);
  }
  if (const Outcome outcome = read_rows(context, rows.data()); outcome != Outcome::kDone) fail(context, outcome, size);
}

/// Of what stands behind the pixels Pillow reads all, up to the end or to what is no chunk, and each chunk must be
/// whole. `encoded` has been read to its last row.
void check_what_follows(base::Bytes encoded) {
  const auto number_at = [&](std::size_t at) {
    std::uint32_t number = 0;
    for (std::size_t i = 0; i < 4; ++i) number = number << 8 | std::to_integer<std::uint32_t>(encoded[at + i]);
    return number;
  };
  constexpr std::size_t kSignature = 8;
  bool animated = false;
  bool pixels = false;
  for (std::size_t at = kSignature; at + kChunkHead <= encoded.size();) {
    const std::size_t length = number_at(at);
    const std::string_view name{reinterpret_cast<const char*>(encoded.data()) + at + 4, 4};
    animated = animated || name == "acTL";
    const bool is_name =
        std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
    if (!is_name || name == "IEND" || (animated && pixels && name == "fcTL")) return;
    if (name == "IDAT") {
      pixels = true;
    } else if (length > encoded.size() - at - kChunkHead) {
      fail("the data ends too early", kDamagedImage);
    }
    at += 12 + length;
  }
}

/// Widens or cuts little-endian integers, as a numpy cast does.
void cast_items(base::Bytes from, std::size_t from_size, base::MutableBytes to, std::size_t to_size) {
  const std::size_t common = std::min(from_size, to_size);
  std::fill(to.begin(), to.end(), std::byte{0});
  for (std::size_t item = 0; item * from_size < from.size(); ++item) {
    std::copy_n(from.data() + item * from_size, common, to.data() + item * to_size);
  }
}

/// Deflate reaches 1032, eight pixels may lie in a byte, and a gray image may come out in three channels.
std::optional<std::uint64_t> most_bytes(std::uint64_t encoded_bytes, std::uint64_t item_size) {
  return base::checked_multiply(encoded_bytes, std::uint64_t{1032} * 8 * 3 * item_size);
}

void decode(base::Bytes encoded, const ImageSize& size, std::uint32_t item_size, Color color,
            base::MutableBytes pixels) {
  PngContext context(encoded);
  if (const Outcome outcome = read_head(context, size, color); outcome != Outcome::kDone) fail(context, outcome, size);
  if (context.item_size == item_size) {
    read_pixels(context, size, pixels);
    check_what_follows(encoded);
    return;
  }
  std::vector<std::byte> decoded(pixels.size() / item_size * context.item_size);
  read_pixels(context, size, decoded);
  check_what_follows(encoded);
  cast_items(decoded, context.item_size, pixels, item_size);
}

}  // namespace

// Gray is not libpng's, which would go by the file's gamma.
const Codec kPng{.compression = format::Compression::kPng,
                 .name = "png",
                 .title = "PNG",
                 .only_uint8 = false,
                 .makes_gray = false,
                 .most_bytes = &most_bytes,
                 .decode = &decode,
                 .open = nullptr,
                 .header = &read_png_header,
                 .stated_size = nullptr};

}  // namespace penstock::decode
