#include "support/png_files.h"

#include <png.h>

#include <random>
#include <stdexcept>

namespace penstock::test {
namespace {

int color_type(PngKind kind) {
  constexpr int kTypes[] = {PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_GRAY_ALPHA, PNG_COLOR_TYPE_RGB, PNG_COLOR_TYPE_RGBA,
                            PNG_COLOR_TYPE_PALETTE};
  return kTypes[static_cast<int>(kind)];
}

/// One row as the file has it: big-endian, several samples to a byte below 8 bits.
std::vector<png_byte> pack_row(const PngPicture& picture, std::uint32_t y) {
  const std::size_t count = static_cast<std::size_t>(picture.width) * picture.channels();
  const auto depth = static_cast<std::size_t>(picture.depth);
  std::vector<png_byte> row((count * depth + 7) / 8);
  for (std::size_t i = 0; i < count; ++i) {
    const unsigned value = picture.samples[y * count + i];
    if (depth == 16) {
      row[2 * i] = static_cast<png_byte>(value >> 8U);
      row[2 * i + 1] = static_cast<png_byte>(value & 0xFFU);
    } else {
      const std::size_t bit = i * depth;
      const std::size_t shift = 8 - depth - bit % 8;
      row[bit / 8] = static_cast<png_byte>(row[bit / 8] | (value << shift));
    }
  }
  return row;
}

void write_transparency(png_structp png, png_infop info, const PngPicture& picture) {
  png_byte alpha[] = {0, 128};
  png_color_16 color{};
  color.gray = color.red = color.green = color.blue = 1;
  if (picture.kind == PngKind::kPalette) {
    png_set_tRNS(png, info, alpha, 2, nullptr);
  } else {
    png_set_tRNS(png, info, nullptr, 0, &color);
  }
}

}  // namespace

std::uint32_t PngPicture::channels() const {
  constexpr std::uint32_t kChannels[] = {1, 2, 3, 4, 1};
  return kChannels[static_cast<int>(kind)];
}

PngPicture make_png_picture(PngKind kind, int depth, std::uint32_t height, std::uint32_t width, unsigned seed) {
  std::mt19937 generator(seed);
  PngPicture picture;
  picture.kind = kind;
  picture.depth = depth;
  picture.height = height;
  picture.width = width;
  const unsigned values = 1U << static_cast<unsigned>(depth);
  picture.samples.resize(static_cast<std::size_t>(height) * width * picture.channels());
  for (std::uint16_t& sample : picture.samples) sample = static_cast<std::uint16_t>(generator() % values);
  if (kind == PngKind::kPalette) {
    picture.palette.resize(values);
    for (auto& entry : picture.palette) {
      for (std::uint8_t& value : entry) value = static_cast<std::uint8_t>(generator() & 0xFFU);
    }
  }
  return picture;
}

ByteVector encode_png(const PngPicture& picture) {
  // Without handlers of our own, libpng ends the program on an error: a test input that it refuses is a bug here.
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  ByteVector out;
  png_set_write_fn(
      png, &out,
      [](png_structp writer, png_bytep data, png_size_t count) {
        auto* file = static_cast<ByteVector*>(png_get_io_ptr(writer));
        const auto* begin = reinterpret_cast<const std::byte*>(data);
        file->insert(file->end(), begin, begin + count);
      },
      [](png_structp) {});
  png_set_IHDR(png, info, picture.width, picture.height, picture.depth, color_type(picture.kind),
               picture.interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
               PNG_FILTER_TYPE_DEFAULT);
  std::vector<png_color> palette;
  for (const auto& entry : picture.palette) palette.push_back({entry[0], entry[1], entry[2]});
  if (!palette.empty()) png_set_PLTE(png, info, palette.data(), static_cast<int>(palette.size()));
  if (picture.transparency) write_transparency(png, info, picture);
  png_write_info(png, info);
  std::vector<std::vector<png_byte>> rows;
  for (std::uint32_t y = 0; y < picture.height; ++y) rows.push_back(pack_row(picture, y));
  std::vector<png_bytep> pointers;
  for (auto& row : rows) pointers.push_back(row.data());
  png_set_interlace_handling(png);
  png_write_image(png, pointers.data());
  png_write_end(png, info);
  png_destroy_write_struct(&png, &info);
  return out;
}

}  // namespace penstock::test
