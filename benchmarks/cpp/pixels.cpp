// What decoding and the pixel chain cost a thread, without a loader around them: CPU time per image, for the recipes of
// benchmarks/ and each instruction set that this processor has.
//
//   pixels DIRECTORY [REPEATS [RECIPE]]
//
// DIRECTORY holds JPEG files. With a RECIPE (decode, a, b or c), that one alone and by the best instruction set: for a
// profiler. Recipes take turns within a repeat, so that a noisy machine hits all alike; the least and
// the median over repeats are printed.

#include <time.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include <hwy/targets.h>

#include "decode/image_decoder.h"
#include "decode/jpeg/turbo_reader.h"
#include "transform/pixels/pixel_plan.h"
#include "transform/pixels/pixel_source.h"

namespace {

using namespace penstock;
using namespace penstock::transform;

struct File {
  std::vector<std::byte> bytes;
  decode::ImageSize size;
};

/// Reads height, width and channels from the frame header.
decode::ImageSize size_of(const std::vector<std::byte>& bytes) {
  const auto at = [&bytes](std::size_t i) { return std::to_integer<std::uint32_t>(bytes.at(i)); };
  for (std::size_t i = 2;; i += 2 + (at(i + 2) << 8 | at(i + 3))) {
    const std::uint32_t marker = at(i + 1);
    const bool is_frame = marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
    if (is_frame) return {at(i + 5) << 8 | at(i + 6), at(i + 7) << 8 | at(i + 8), at(i + 9)};
  }
}

std::vector<File> read_files(const char* directory) {
  std::vector<File> files;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    std::ifstream in(entry.path(), std::ios::binary);
    const std::vector<char> text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    File file;
    file.bytes.resize(text.size());
    std::transform(text.begin(), text.end(), file.bytes.begin(), [](char c) { return static_cast<std::byte>(c); });
    file.size = size_of(file.bytes);
    files.push_back(std::move(file));
  }
  if (files.empty()) throw std::runtime_error("no files");
  return files;
}

class OneFile final : public PixelSources {
 public:
  explicit OneFile(const File& file) : file_(file) {}
  std::unique_ptr<base::RowSource> open(std::size_t) override {
    const base::Shape shape{file_.size.height, file_.size.width, file_.size.channels};
    return decode::open_image(format::Compression::kJpeg, file_.bytes, shape, decode::Color::kBgr);
  }

 private:
  const File& file_;
};

Extent source_of(const File& file) {
  return {static_cast<std::int32_t>(file.size.height), static_cast<std::int32_t>(file.size.width)};
}

Extent keep_ratio(const Extent& from, double longer, double shorter) {
  const auto [least, most] = std::minmax(from.height, from.width);
  const double scale = std::min(longer / most, shorter / least);
  return {static_cast<std::int32_t>(from.height * scale + 0.5), static_cast<std::int32_t>(from.width * scale + 0.5)};
}

const Normalize kNormalize{{123.675, 116.28, 103.53}, {1 / 58.395, 1 / 57.12, 1 / 57.375}, true};

void pad_to_32(PixelPlan& plan) {
  const Extent extent = extent_of(plan);
  plan.steps.emplace_back(Canvas{{(extent.height + 31) / 32 * 32, (extent.width + 31) / 32 * 32}});
}

PixelPlan resized(const File& file, double longer, double shorter, bool flip) {
  PixelPlan plan{0, source_of(file), 3, {Resize{keep_ratio(source_of(file), longer, shorter)}}};
  if (flip) plan.steps.emplace_back(Flip{true, false});
  plan.steps.emplace_back(kNormalize);
  pad_to_32(plan);
  return plan;
}

/// Expand in half of the cases, crop half of the area, resize to 320..416, flip, distort.
PixelPlan yolov3(const File& file, std::mt19937& random) {
  const auto uniform = [&random](double low, double high) {
    return low + (high - low) * std::uniform_real_distribution<>()(random);
  };
  PixelPlan plan{0, source_of(file), 3, {ToFloat{}}};
  Extent extent = plan.source_extent;
  if (uniform(0, 1) < 0.5) {
    const double ratio = uniform(1, 2);
    const Extent larger{static_cast<std::int32_t>(extent.height * ratio),
                        static_cast<std::int32_t>(extent.width * ratio)};
    plan.steps.emplace_back(Canvas{larger,
                                   static_cast<std::int32_t>(uniform(0, larger.width - extent.width)),
                                   static_cast<std::int32_t>(uniform(0, larger.height - extent.height)),
                                   {123.675F, 116.28F, 103.53F}});
    extent = larger;
  }
  if (uniform(0, 1) < 6.0 / 7) {
    const Extent part{static_cast<std::int32_t>(extent.height * uniform(0.3, 1)),
                      static_cast<std::int32_t>(extent.width * uniform(0.3, 1))};
    plan.steps.emplace_back(Canvas{part, -static_cast<std::int32_t>(uniform(0, extent.width - part.width)),
                                   -static_cast<std::int32_t>(uniform(0, extent.height - part.height))});
    extent = part;
  }
  const double longer = std::floor(uniform(320, 417));
  plan.steps.emplace_back(Resize{keep_ratio(extent, longer, longer)});
  plan.steps.emplace_back(Flip{uniform(0, 1) < 0.5, false});
  plan.steps.emplace_back(Photometric{static_cast<float>(uniform(-32, 32)), static_cast<float>(uniform(0.5, 1.5)),
                                      static_cast<float>(uniform(0.5, 1.5)), static_cast<float>(uniform(-18, 18)), 1});
  plan.steps.emplace_back(kNormalize);
  pad_to_32(plan);
  return plan;
}

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// Gives memory for all results of a recipe; as in a loader, it is not in the cache when its turn comes again.
class Slab {
 public:
  float* take(const Extent& extent) {
    const auto pixels = static_cast<std::size_t>(extent.height) * static_cast<std::size_t>(extent.width);
    const std::size_t elements = (pixels * 3 + 15) / 16 * 16;
    if (used_ + elements > memory_.size()) used_ = 0;
    used_ += elements;
    return memory_.data() + used_ - elements;
  }

 private:
  std::vector<float> memory_ = std::vector<float>(std::size_t{32} << 20);
  std::size_t used_ = 0;
};

class Recipes {
 public:
  explicit Recipes(const std::vector<File>& files) : files_(files) {}

  std::vector<std::string> names() const { return {"decode", "a", "b", "c"}; }

  /// CPU milliseconds an image.
  double run(const std::string& name) {
    std::mt19937 random(1);
    double seconds = 0;
    for (const File& file : files_) {
      const bool flip = random() % 2 == 0;
      PixelPlan plan;
      if (name == "a") plan = yolov3(file, random);
      if (name == "b") plan = resized(file, 1333, 800, flip);
      if (name == "c") plan = resized(file, 416, 416, flip);
      const double start = cpu_seconds();
      if (name == "decode") {
        decode(file);
      } else {
        OneFile source(file);
        const Extent extent = extent_of(plan);
        auto* const data = reinterpret_cast<std::byte*>(slab_.take(extent));
        run_pixels(plan, source, {.data = data, .planar = true, .padded = extent});
      }
      seconds += cpu_seconds() - start;
    }
    return 1e3 * seconds / static_cast<double>(files_.size());
  }

 private:
  void decode(const File& file) {
    decode::TurboReader reader(file.bytes, file.size, decode::Color::kBgr, true);
    band_.resize(std::size_t{file.size.width} * 4 * 8);
    for (std::uint32_t row = 0; row < file.size.height; row += 8) {
      reader.read(band_.data(), std::size_t{file.size.width} * 4, std::min(8U, file.size.height - row));
    }
    reader.finish();
  }

  const std::vector<File>& files_;
  Slab slab_;
  std::vector<std::uint8_t> band_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: pixels DIRECTORY [REPEATS [RECIPE]]\n");
    return 2;
  }
  const std::vector<File> files = read_files(argv[1]);
  const int repeats = argc > 2 ? std::stoi(argv[2]) : 9;
  Recipes recipes(files);
  const std::vector<std::string> names = argc > 3 ? std::vector<std::string>{argv[3]} : recipes.names();
  std::vector<std::int64_t> targets = hwy::SupportedAndGeneratedTargets();
  if (argc > 3) targets.resize(1);
  std::map<std::pair<std::string, std::int64_t>, std::vector<double>> times;
  for (int i = 0; i < repeats; ++i) {
    for (const std::int64_t target : targets) {
      hwy::SetSupportedTargetsForTest(target);
      for (const std::string& name : names) times[{name, target}].push_back(recipes.run(name));
    }
  }
  std::printf("CPU milliseconds an image, least and median of %d runs over %zu images\n", repeats, files.size());
  for (auto& [what, values] : times) {
    std::sort(values.begin(), values.end());
    std::printf("%-8s%-10s%8.3f%8.3f\n", what.first.c_str(), hwy::TargetName(what.second), values.front(),
                values[values.size() / 2]);
  }
}
