#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <istream>
#include <limits>
#include <stdexcept>
#include <vector>

#include <jpeglib.h>

/// Little-endian, as benchmarks/ceiling.py writes it.
inline std::uint64_t read_u64(std::istream& in) {
  std::uint64_t value = 0;
  in.read(reinterpret_cast<char*>(&value), sizeof value);
  return value;
}

/// The images of a file, u64 count and then for each u64 size and its bytes; at most so many of them.
template <class Byte>
std::vector<std::vector<Byte>> read_images(const char* path,
                                           std::uint64_t most = std::numeric_limits<std::uint64_t>::max()) {
  std::ifstream in(path, std::ios::binary);
  std::vector<std::vector<Byte>> images(std::min(read_u64(in), most));
  for (std::vector<Byte>& image : images) {
    image.resize(read_u64(in));
    in.read(reinterpret_cast<char*>(image.data()), static_cast<std::streamsize>(image.size()));
  }
  if (!in) throw std::runtime_error("cannot read the images");
  return images;
}

/// All rows of a picture that libjpeg has begun to decode as RGB, into `pixels`, which grows where it is too small.
/// Returns how many bytes they are.
inline std::size_t read_rgb(jpeg_decompress_struct& info, std::vector<unsigned char>& pixels) {
  const std::size_t stride = static_cast<std::size_t>(info.output_width) * 3;
  pixels.resize(std::max(pixels.size(), stride * info.output_height));
  JSAMPROW rows[16];
  while (info.output_scanline < info.output_height) {
    const JDIMENSION count = std::min<JDIMENSION>(16, info.output_height - info.output_scanline);
    for (JDIMENSION i = 0; i < count; ++i) rows[i] = pixels.data() + (info.output_scanline + i) * stride;
    jpeg_read_scanlines(&info, rows, count);
  }
  return stride * info.output_height;
}
