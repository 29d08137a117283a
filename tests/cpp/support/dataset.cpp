#include "support/dataset.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>

#include "batch/buffer.h"
#include "format/chunk_header.h"
#include "support/chunk_builder.h"
#include "support/jpeg_files.h"

namespace penstock::test {
namespace {

struct StoredSample {
  base::Shape shape;
  ByteVector bytes;
};

/// Cuts samples into chunks, puts them into the store and fills the index.
void store_chunks(Dataset& dataset, pipeline::TensorSource& source, const std::vector<StoredSample>& samples,
                  std::size_t per_chunk) {
  source.index.folders = {source.format.name + "/chunks"};
  for (std::size_t begin = 0; begin < samples.size(); begin += per_chunk) {
    const std::size_t end = std::min(begin + per_chunk, samples.size());
    ChunkBuilder builder;
    for (std::size_t i = begin; i < end; ++i) builder.add(samples[i].shape, samples[i].bytes);
    source.index.ids.push_back(0x100 + begin);
    source.index.last_index.push_back(static_cast<std::int64_t>(end) - 1);
    source.index.folder_of.push_back(0);
    const bool compressed = source.format.chunk_compression == format::Compression::kLz4;
    dataset.memory->put(source.index.key(source.index.rows() - 1), compressed ? builder.build_lz4() : builder.build());
  }
}

void add_images(Dataset& dataset, const DatasetOptions& options) {
  pipeline::TensorSource source;
  source.format.name = "images";
  source.format.is_image = true;
  source.format.sample_compression = format::Compression::kJpeg;
  source.format.dimensions = 3;
  source.color = options.color;
  std::vector<StoredSample> stored;
  std::vector<Array>& expected = dataset.expected.emplace_back();
  for (std::uint32_t i = 0; i < options.samples; ++i) {
    const std::uint32_t height = options.scale * (options.equal_sizes ? 12 : 8 + i % 11);
    const std::uint32_t width = options.scale * (options.equal_sizes ? 16 : 9 + i % 7);
    const base::Shape shape{height, width, 3};
    const ByteVector file = encode_jpeg(make_picture(height, width, 3, i), Subsampling::k420);
    const PlainFormat plain = options.color == decode::Color::kBgr ? PlainFormat::kBgr : PlainFormat::kRgb;
    expected.push_back({shape, decode_jpeg_plainly(file, height, width, plain)});
    stored.push_back({shape, file});
  }
  store_chunks(dataset, source, stored, options.images_per_chunk);
  dataset.sources.push_back(std::move(source));
}

void add_boxes(Dataset& dataset, const DatasetOptions& options) {
  pipeline::TensorSource source;
  source.format.name = "boxes";
  source.format.item_size = sizeof(float);
  source.format.dimensions = 2;
  if (options.lz4_boxes) source.format.chunk_compression = format::Compression::kLz4;
  if (options.equal_sizes) source.format.fixed_shape = base::Shape{2, 4};
  std::vector<StoredSample> stored;
  std::vector<Array>& expected = dataset.expected.emplace_back();
  for (std::uint32_t i = 0; i < options.samples; ++i) {
    const std::uint32_t count = options.equal_sizes ? 2 : i % 5;
    std::vector<float> boxes(std::size_t{count} * 4);
    std::iota(boxes.begin(), boxes.end(), static_cast<float>(i) * 100.0F);
    expected.push_back({{count, 4}, bytes_of(boxes)});
    stored.push_back({{count, 4}, bytes_of(boxes)});
  }
  store_chunks(dataset, source, stored, options.boxes_per_chunk);
  dataset.sources.push_back(std::move(source));
}

void add_masks(Dataset& dataset, const DatasetOptions& options) {
  pipeline::TensorSource source;
  source.format.name = "masks";
  source.format.dimensions = 3;
  std::vector<StoredSample> stored;
  std::vector<Array>& expected = dataset.expected.emplace_back();
  for (const Array& image : dataset.expected[0]) {
    const base::Shape shape{image.shape[0], image.shape[1], 1};
    expected.push_back({shape, ByteVector(std::size_t{shape[0]} * shape[1], std::byte{1})});
    stored.push_back({shape, expected.back().bytes});
  }
  store_chunks(dataset, source, stored, options.boxes_per_chunk);
  dataset.sources.push_back(std::move(source));
}

}  // namespace

ByteVector Dataset::object_of(const std::string& key) const {
  const storage::Object object = memory->read(key, std::nullopt);
  return copy_of(object.bytes.view());
}

std::string Dataset::chunk_of(std::size_t tensor, std::int64_t sample) const {
  const format::ChunkIndex& index = sources[tensor].index;
  return index.key(index.locate(sample).row);
}

void Dataset::damage(std::size_t tensor, std::int64_t sample) {
  const std::string key = chunk_of(tensor, sample);
  ByteVector object = object_of(key);
  const format::ChunkHeader header = format::parse_chunk_header(object, object.size());
  const auto extent = header.byte_range(sources[tensor].index.locate(sample).local_index);
  const auto begin = object.begin() + static_cast<std::ptrdiff_t>(header.data_offset + extent->begin);
  std::fill(begin, begin + static_cast<std::ptrdiff_t>(extent->end - extent->begin), std::byte{0x55});
  memory->put(key, object);
}

Dataset make_dataset(const DatasetOptions& options) {
  Dataset dataset;
  add_images(dataset, options);
  add_boxes(dataset, options);
  if (options.masks) add_masks(dataset, options);
  return dataset;
}

std::vector<std::int64_t> in_order(std::int64_t count) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), 0);
  return order;
}

std::vector<std::int64_t> shuffled(std::int64_t count, unsigned seed) {
  std::vector<std::int64_t> order = in_order(count);
  std::shuffle(order.begin(), order.end(), std::mt19937(seed));
  return order;
}

std::vector<std::size_t> batch_ends(std::size_t count, std::size_t batch_size) {
  std::vector<std::size_t> ends;
  for (std::size_t end = batch_size; end < count; end += batch_size) ends.push_back(end);
  if (count > 0) ends.push_back(count);
  return ends;
}

std::vector<Array> arrays_of(const batch::Batch& batch, std::size_t tensor, std::size_t item_size) {
  std::vector<Array> arrays;
  const batch::TensorBatch& samples = batch.tensors[tensor];
  for (std::size_t i = 0; i < samples.shapes.size(); ++i) {
    const std::size_t bytes = *base::checked_byte_count(samples.shapes[i], item_size);
    EXPECT_LE(samples.offsets[i] + bytes, samples.slab->capacity());
    const std::byte* begin = samples.slab->data() + samples.offsets[i];
    arrays.push_back({samples.shapes[i], ByteVector(begin, begin + bytes)});
  }
  return arrays;
}

void expect_sound(const Dataset& dataset, const batch::Batch& batch) {
  ASSERT_GE(batch.tensors.size(), dataset.sources.size());
  for (std::size_t tensor = 0; tensor < dataset.sources.size(); ++tensor) {
    const std::vector<Array> arrays = arrays_of(batch, tensor, dataset.sources[tensor].format.item_size);
    ASSERT_EQ(arrays.size(), batch.indices.size());
    for (std::size_t i = 0; i < arrays.size(); ++i) {
      const Array& expected = dataset.expected[tensor][static_cast<std::size_t>(batch.indices[i])];
      EXPECT_EQ(arrays[i].shape, expected.shape) << "tensor " << tensor << ", sample " << batch.indices[i];
      EXPECT_TRUE(arrays[i].bytes == expected.bytes) << "tensor " << tensor << ", sample " << batch.indices[i];
    }
  }
}

std::vector<std::vector<std::int64_t>> run_epoch(const Dataset& dataset, pipeline::Epoch& epoch) {
  std::vector<std::vector<std::int64_t>> batches;
  while (const auto batch = epoch.next(kNoInterrupt)) {
    expect_sound(dataset, *batch);
    batches.push_back(batch->indices);
  }
  return batches;
}

std::unique_ptr<pipeline::Loader> make_loader(const Dataset& dataset, pipeline::LoaderOptions options) {
  return std::make_unique<pipeline::Loader>(test::opened(dataset.store), dataset.sources, options,
                                            std::make_shared<batch::HeapAllocator>());
}

}  // namespace penstock::test
