// What libjpeg-turbo can do on this machine and nothing else: decodes JPEGs that lie in memory to RGB, each thread
// into one buffer that it writes again and again. The ceiling that benchmarks/decode.py measures loaders against.
//
//   jpeg_ceiling FILE THREADS
//
// FILE holds, little-endian: u64 count, then for each image u64 size and its bytes. For each line "go EPOCHS" on
// standard input, decodes everything that often and prints the seconds, and those of the processor; for "sums",
// prints each image's CRC-32; for "pixels PATH COUNT", writes the pixels of the first COUNT images there.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <iostream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <jpeglib.h>

#include "jpegs.h"

namespace {

using Image = std::vector<unsigned char>;

/// Decodes into `pixels`, which grows to the largest image and is then reused.
void decode(const Image& image, std::vector<unsigned char>& pixels) {
  jpeg_decompress_struct info{};
  jpeg_error_mgr errors{};
  info.err = jpeg_std_error(&errors);
  jpeg_create_decompress(&info);
  jpeg_mem_src(&info, image.data(), image.size());
  jpeg_read_header(&info, TRUE);
  info.out_color_space = JCS_RGB;
  info.dct_method = JDCT_ISLOW;
  jpeg_start_decompress(&info);
  pixels.resize(read_rgb(info, pixels));
  jpeg_finish_decompress(&info);
  jpeg_destroy_decompress(&info);
}

double seconds_for(const std::vector<Image>& images, unsigned threads, unsigned epochs) {
  std::atomic<std::size_t> next{0};
  const std::size_t total = images.size() * epochs;
  const auto start = std::chrono::steady_clock::now();
  std::vector<std::thread> pool;
  for (unsigned i = 0; i < threads; ++i) {
    pool.emplace_back([&] {
      std::vector<unsigned char> pixels;
      for (std::size_t at = next++; at < total; at = next++) decode(images[at % images.size()], pixels);
    });
  }
  for (std::thread& thread : pool) thread.join();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Of all threads, those that have ended too.
double processor_seconds() {
  timespec spent{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent);
  return static_cast<double>(spent.tv_sec) + static_cast<double>(spent.tv_nsec) / 1e9;
}

std::uint32_t crc32(const std::vector<unsigned char>& bytes) {
  std::uint32_t crc = ~std::uint32_t{0};
  for (const unsigned char byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (0xEDB88320U & (~(crc & 1) + 1));
  }
  return ~crc;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: jpeg_ceiling FILE THREADS\n";
    return 2;
  }
  const std::vector<Image> images = read_images<unsigned char>(argv[1]);
  const auto threads = static_cast<unsigned>(std::stoul(argv[2]));
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::string command;
    unsigned epochs = 1;
    words >> command;
    if (command == "go") {
      words >> epochs;
      const double before = processor_seconds();
      const double seconds = seconds_for(images, threads, epochs);
      std::cout << seconds << ' ' << processor_seconds() - before << std::endl;
    } else if (command == "sums") {
      std::vector<unsigned char> pixels;
      for (const Image& image : images) {
        decode(image, pixels);
        std::cout << crc32(pixels) << ' ';
      }
      std::cout << std::endl;
    } else if (command == "pixels") {
      std::string path;
      std::size_t count = 0;
      words >> path >> count;
      std::ofstream out(path, std::ios::binary);
      std::vector<unsigned char> pixels;
      for (std::size_t i = 0; i < count; ++i) {
        decode(images.at(i), pixels);
        out.write(reinterpret_cast<const char*>(pixels.data()), static_cast<std::streamsize>(pixels.size()));
      }
      out.close();
      std::cout << (out ? "written" : "failed") << std::endl;
    }
  }
}
