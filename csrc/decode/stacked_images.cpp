#include "decode/stacked_images.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "decode/claims.h"
#include "decode/image_decoder.h"

namespace penstock::decode {
namespace {

constexpr std::uint64_t kMost = std::numeric_limits<std::uint32_t>::max();

[[noreturn]] void fail(const std::string& cause) {
  throw base::Error(base::ErrorKind::kChunkFormat, "the chunk is one image, but " + cause, base::kDamagedChunk);
}

/// Samples of one shape, which follow each other.
struct Run {
  base::Shape shape;
  std::uint64_t count = 0;
  std::uint64_t bytes = 0;  ///< of each
};

/// Where everything lies: in the image, and in memory once the samples are apart.
struct Plan {
  std::vector<Run> runs;
  base::Shape canvas;  ///< of the image; empty when no sample has pixels
  std::uint64_t bytes = 0;
  std::vector<std::uint32_t> positions;  ///< rows of the byte position table
};

bool is_zero(const base::Shape& shape) {
  return std::all_of(shape.begin(), shape.end(), [](std::uint32_t extent) { return extent == 0; });
}

/// a + b * c, as far as a table of u32 can state it.
std::uint64_t add_product(std::uint64_t a, std::uint64_t b, std::uint64_t c) {
  const auto product = base::checked_multiply(b, c);
  if (!product || *product > kMost - a) fail("its samples' shapes add up to more than an image can hold");
  return a + *product;
}

Plan plan_of(const format::ChunkHeader& header, std::uint32_t item_size) {
  Plan plan;
  std::uint64_t width = 0;
  std::uint32_t height = 0;
  for (std::uint64_t first = 0; first < header.shapes.samples();) {
    const std::size_t row = *header.shapes.row_of(first);
    const std::uint64_t last = header.shapes.at(row, header.shapes.columns() - 1);
    Run run{*header.shape(first), last + 1 - first, 0};
    if (run.shape.size() < 2) fail("a sample has a single axis");
    run.bytes = base::checked_byte_count(run.shape, item_size).value_or(kMost + 1);
    plan.positions.insert(plan.positions.end(),
                          {static_cast<std::uint32_t>(std::min(run.bytes, kMost)),
                           static_cast<std::uint32_t>(plan.bytes), static_cast<std::uint32_t>(last)});
    plan.bytes = add_product(plan.bytes, run.bytes, run.count);
    // Deep Lake gives an empty sample no place in the image.
    if (!is_zero(run.shape)) width = add_product(width, run.shape[1], run.count);
    height = std::max(height, run.shape[0]);
    if (run.bytes > 0) {
      const base::Shape tail(run.shape.begin() + 2, run.shape.end());
      if (plan.canvas.empty()) plan.canvas = run.shape;
      if (!std::equal(tail.begin(), tail.end(), plan.canvas.begin() + 2, plan.canvas.end())) {
        fail("its samples have different numbers of channels");
      }
    }
    plan.runs.push_back(std::move(run));
    first = last + 1;
  }
  if (!plan.canvas.empty()) {
    plan.canvas[0] = height;
    plan.canvas[1] = static_cast<std::uint32_t>(width);
  }
  return plan;
}

base::OwnedBytes decode_canvas(const format::Chunk& stored, const Plan& plan) {
  const format::TensorFormat& format = stored.format();
  check_claim(format.chunk_compression, stored.data(), plan.canvas, format.item_size);
  base::OwnedBytes canvas = base::OwnedBytes::allocate(*base::checked_byte_count(plan.canvas, format.item_size));
  const base::MutableBytes pixels{canvas.data.get(), canvas.size};
  decode_image(format.chunk_compression, stored.data(), plan.canvas, format.item_size, Color::kNative, pixels);
  if (format.is_bool) make_truth_values(pixels);
  return canvas;
}

void cut(const Plan& plan, base::Bytes canvas, std::byte* out) {
  const std::size_t stride = canvas.size() / plan.canvas[0];
  const std::size_t pixel_bytes = stride / plan.canvas[1];
  std::size_t x = 0;
  for (const Run& run : plan.runs) {
    const std::size_t column_bytes = run.shape[1] * pixel_bytes;
    // An empty run may claim any number of samples.
    for (std::uint64_t i = 0; run.bytes > 0 && i < run.count; ++i) {
      for (std::size_t y = 0; y < run.shape[0]; ++y, out += column_bytes) {
        std::memcpy(out, canvas.data() + y * stride + x + i * column_bytes, column_bytes);
      }
    }
    if (!is_zero(run.shape)) x += column_bytes * run.count;
  }
}

}  // namespace

std::shared_ptr<const format::Chunk> unstack_images(const format::Chunk& stored) {
  Plan plan = plan_of(stored.header(), stored.format().item_size);
  format::ChunkHeader header = stored.header();
  header.byte_positions = format::RunLengthTable(std::move(plan.positions), 3, "byte position");
  base::OwnedBytes samples;
  if (plan.bytes > 0) {
    // First the image: that it can be decoded proves that the memory for its samples is not taken for a lie.
    const base::OwnedBytes canvas = decode_canvas(stored, plan);
    samples = base::OwnedBytes::allocate(plan.bytes);
    cut(plan, canvas.view(), samples.data.get());
  }
  return format::Chunk::from_memory(stored.format(), std::move(header), std::move(samples), stored.object_bytes());
}

}  // namespace penstock::decode
