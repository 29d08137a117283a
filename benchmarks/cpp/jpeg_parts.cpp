// What the parts of decoding a JPEG cost, in this project's decoder and in libjpeg-turbo: how long it takes to go as
// far as a stage, of which the one before is to be subtracted.
//
//   jpeg_parts FILE COUNT ROUNDS [DECODER STAGE]
//
// FILE is what jpeg_ceiling reads; its first COUNT images are decoded. Prints a line for each decoder ("own", "turbo")
// and stage: the milliseconds that an image takes, of each image the shortest of ROUNDS. With DECODER and STAGE does
// that alone, for a tool that counts instructions.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <jpeglib.h>

#include "decode/jpeg/coefficients.h"
#include "decode/jpeg/headers.h"
#include "decode/jpeg/idct.h"
#include "decode/jpeg/planes.h"
#include "decode/jpeg/rows.h"
#include "decode/jpeg/zigzag.h"
#include "jpegs.h"

namespace {

using namespace penstock;
using namespace penstock::decode;

enum class Stage { kEntropy, kTransform, kPixels };
constexpr const char* kStages[] = {"entropy", "transform", "pixels"};
constexpr std::size_t kStageCount = std::size(kStages);

using Image = std::vector<std::byte>;

/// This project's decoder up to a stage before the last: its parts, as jpeg/rows.cpp puts them together.
class OwnParts {
 public:
  explicit OwnParts(base::Bytes file) : headers_(*jpeg::read_headers(file)), coefficients_(open(file)) {
    for (const jpeg::Component& component : headers_.components) {
      jpeg::BlockRows blocks(component.down, coefficients_->mcus_of_a_row() * component.across,
                             jpeg::blocks_of_a_group());
      jpeg::Plane plane(component.down * std::size_t{8}, blocks.groups() * jpeg::blocks_of_a_group() * 8);
      channels_.push_back({component, std::move(blocks), std::move(plane)});
    }
  }

  void run(Stage until) {
    for (std::size_t row = 0; row < coefficients_->rows(); ++row) {
      std::array<jpeg::BlockRows*, 3> into{};
      for (std::size_t i = 0; i < channels_.size() && until != Stage::kEntropy; ++i) into[i] = &channels_[i].blocks;
      if (!coefficients_->read_row(into, {0, coefficients_->mcus_of_a_row()}))
        throw std::runtime_error("a damaged file");
      if (until == Stage::kEntropy) continue;
      for (Channel& channel : channels_) transform(channel, row);
    }
  }

 private:
  struct Channel {
    jpeg::Component component;
    jpeg::BlockRows blocks;
    jpeg::Plane plane;
  };

  std::unique_ptr<jpeg::CoefficientReader> open(base::Bytes file) const {
    auto reader = jpeg::CoefficientReader::open(file, headers_, jpeg::blocks_of_a_group());
    if (reader == nullptr) throw std::runtime_error("a file that is left to libjpeg-turbo");
    return reader;
  }

  void transform(Channel& channel, std::size_t mcu_row) {
    for (std::size_t down = 0; down < channel.component.down; ++down) {
      const std::size_t first = (mcu_row * channel.component.down + down) * 8;
      const jpeg::BlockRow row{.coefficients = channel.blocks.row(down),
                               .details = channel.blocks.details(down),
                               .groups = channel.blocks.groups(),
                               .steps = &headers_.quantisations[channel.component.quantisation],
                               .pixels = channel.plane.row(first),
                               .stride = channel.plane.stride()};
      if (!jpeg::transform_back(row)) throw std::runtime_error("a file that is left to libjpeg-turbo");
    }
  }

  jpeg::Headers headers_;
  std::unique_ptr<jpeg::CoefficientReader> coefficients_;
  std::vector<Channel> channels_;
};

void decode_own(const Image& image, Stage until, std::vector<std::uint8_t>& pixels) {
  if (until != Stage::kPixels) {
    OwnParts(image).run(until);
  } else {
    const auto headers = jpeg::read_headers(image);
    const ImageSize size{headers->height, headers->width, static_cast<std::uint32_t>(headers->components.size())};
    const auto rows = jpeg::open_rows(image, size, Color::kRgb, /*padded=*/false);
    const std::size_t stride = std::size_t{size.width} * 3;
    pixels.resize(std::max(pixels.size(), stride * size.height));
    rows->read(pixels.data(), stride, size.height);
    rows->finish();
  }
}

/// Samples before upsampling, a row of MCUs at a time.
void read_raw(jpeg_decompress_struct& info, std::vector<std::uint8_t>& pixels) {
  pixels.resize(std::max(pixels.size(), std::size_t{3} * 32 * (info.output_width + 64)));
  std::vector<JSAMPROW> rows[3];
  JSAMPARRAY planes[3] = {};
  std::uint8_t* next = pixels.data();
  for (int i = 0; i < info.num_components; ++i) {
    for (int row = 0; row < info.comp_info[i].v_samp_factor * DCTSIZE; ++row) {
      rows[i].push_back(next);
      next += info.comp_info[i].width_in_blocks * DCTSIZE + 64;
    }
    planes[i] = rows[i].data();
  }
  const JDIMENSION lines = static_cast<JDIMENSION>(info.max_v_samp_factor * DCTSIZE);
  while (info.output_scanline < info.output_height) jpeg_read_raw_data(&info, planes, lines);
}

void decode_turbo(const Image& image, Stage until, std::vector<std::uint8_t>& pixels) {
  jpeg_decompress_struct info{};
  jpeg_error_mgr errors{};
  info.err = jpeg_std_error(&errors);
  jpeg_create_decompress(&info);
  jpeg_mem_src(&info, reinterpret_cast<const unsigned char*>(image.data()), image.size());
  jpeg_read_header(&info, TRUE);
  info.out_color_space = JCS_RGB;
  info.dct_method = JDCT_ISLOW;
  info.raw_data_out = until == Stage::kTransform;
  jpeg_start_decompress(&info);
  if (until == Stage::kEntropy) {
    // Reads the codes of all rows of MCUs but the last, and makes nothing of them.
    jpeg_skip_scanlines(&info, info.output_height - 1);
  } else if (until == Stage::kTransform) {
    read_raw(info, pixels);
  } else {
    read_rgb(info, pixels);
  }
  jpeg_abort_decompress(&info);
  jpeg_destroy_decompress(&info);
}

void decode_with(const Image& image, bool own, Stage until, std::vector<std::uint8_t>& pixels) {
  if (own) {
    decode_own(image, until, pixels);
  } else {
    decode_turbo(image, until, pixels);
  }
}

void print_times(const std::vector<Image>& images, unsigned rounds) {
  using Clock = std::chrono::steady_clock;
  double sums[2][kStageCount] = {};
  std::vector<std::uint8_t> pixels;
  for (const Image& image : images) {
    Clock::duration shortest[2][kStageCount];
    std::fill_n(&shortest[0][0], 2 * kStageCount, Clock::duration::max());
    for (unsigned round = 0; round < rounds; ++round) {
      for (std::size_t stage = 0; stage < kStageCount; ++stage) {
        for (const bool own : {true, false}) {
          const auto begin = Clock::now();
          decode_with(image, own, static_cast<Stage>(stage), pixels);
          shortest[own][stage] = std::min(shortest[own][stage], Clock::now() - begin);
        }
      }
    }
    for (std::size_t stage = 0; stage < kStageCount; ++stage) {
      for (const bool own : {true, false}) {
        sums[own][stage] += std::chrono::duration<double, std::milli>(shortest[own][stage]).count();
      }
    }
  }
  for (const bool own : {true, false}) {
    for (std::size_t stage = 0; stage < kStageCount; ++stage) {
      std::cout << (own ? "own " : "turbo ") << kStages[stage] << ' '
                << sums[own][stage] / static_cast<double>(images.size()) << '\n';
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4 && argc != 6) {
    std::cerr << "usage: jpeg_parts FILE COUNT ROUNDS [DECODER STAGE]\n";
    return 2;
  }
  const std::vector<Image> images = read_images<std::byte>(argv[1], std::stoul(argv[2]));
  const auto rounds = static_cast<unsigned>(std::stoul(argv[3]));
  if (argc == 4) {
    print_times(images, rounds);
    return 0;
  }
  const auto* const stage = std::find(std::begin(kStages), std::end(kStages), std::string(argv[5]));
  std::vector<std::uint8_t> pixels;
  for (unsigned round = 0; round < rounds; ++round) {
    for (const Image& image : images) {
      decode_with(image, std::string(argv[4]) == "own", static_cast<Stage>(stage - std::begin(kStages)), pixels);
    }
  }
}
