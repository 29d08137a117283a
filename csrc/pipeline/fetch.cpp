#include "pipeline/fetch.h"

#include <limits>
#include <string>
#include <utility>

#include "base/error.h"
#include "decode/stacked_images.h"

namespace penstock::pipeline {
namespace {

void own(FetchedSample& sample, base::OwnedBytes bytes) {
  auto owner = std::make_shared<base::OwnedBytes>(std::move(bytes));
  sample.stored = owner->view();
  sample.owner = std::move(owner);
}

void make_bytes(FetchedSample& sample, format::Compression compression) {
  if (compression == format::Compression::kLz4) own(sample, format::decompress_lz4(sample.stored));
  if (sample.stored.size() > std::numeric_limits<std::uint32_t>::max()) {
    throw base::Error(base::ErrorKind::kDecode, "the sample has " + std::to_string(sample.stored.size()) + " bytes");
  }
  sample.shape = {static_cast<std::uint32_t>(sample.stored.size())};
}

}  // namespace

Fetcher::Fetcher(storage::Store& store, const std::vector<TensorSource>& sources, std::uint64_t cache_bytes,
                 base::Stats& stats)
    : store_(store, stats), sources_(sources), stats_(stats), cache_(cache_bytes, stats) {}

FetchedSample Fetcher::fetch(std::size_t tensor, std::int64_t item, bool whole) {
  const base::StageTimer timer(stats_.fetch_ns);
  const TensorSource& source = sources_[tensor];
  const format::ChunkIndex::Location location = source.index.locate(item);
  if (source.index.tiles.contains(item)) return fetch_tiles(tensor, item, whole);
  try {
    return read(tensor, location, open(tensor, location.row, whole));
  } catch (base::Error& error) {
    error.set_place(source.format.name, source.sequences ? -1 : item, source.index.key(location.row));
    throw;
  }
}

FetchedSample Fetcher::fetch_tiles(std::size_t tensor, std::int64_t item, bool whole) {
  const TensorSource& source = sources_[tensor];
  const auto [first_row, local_index] = source.index.locate(item);
  const format::Tiling& tiling = *source.index.tiling_of(first_row);
  FetchedSample fetched{{}, tiling.sample};
  fetched.tiling = &tiling;
  const std::uint64_t rows = source.index.rows_of(item);
  for (std::uint32_t number = 0; number < rows; ++number) {
    const std::uint32_t row = first_row + number;
    try {
      if (local_index != 0 || rows != tiling.count()) {
        throw base::Error(base::ErrorKind::kChunkFormat,
                          "the sample is in " + std::to_string(tiling.count()) + " tiles, the index has " +
                              std::to_string(rows) + " chunks for it" + (local_index != 0 ? " and for others" : ""));
      }
      fetched.tiles.push_back(read_tile(tensor, row, number, tiling, whole));
    } catch (base::Error& error) {
      error.set_place(source.format.name, source.sequences ? -1 : item, source.index.key(row));
      throw;
    }
  }
  return fetched;
}

FetchedSample Fetcher::read_tile(std::size_t tensor, std::uint32_t row, std::uint32_t number,
                                 const format::Tiling& tiling, bool whole) {
  const TensorSource& source = sources_[tensor];
  if (source.format.as_bytes) {
    throw base::Error(base::ErrorKind::kUnsupported, "text, JSON and polygons in tiles are not supported");
  }
  std::shared_ptr<const format::Chunk> chunk = open(tensor, row, whole);
  const base::ByteRange range = chunk->tile_range();
  FetchedSample tile = read_range(tensor, {row, 0}, std::move(chunk), range);
  if (tile.shape != tiling.block(number).shape) {
    throw base::Error(base::ErrorKind::kChunkFormat,
                      "tile " + std::to_string(number) + " has not the shape of its place in the sample",
                      base::kDamagedChunk);
  }
  tile.chunk = source.index.key(row);
  return tile;
}

FetchedSample Fetcher::read(std::size_t tensor, format::ChunkIndex::Location location,
                            std::shared_ptr<const format::Chunk> chunk) {
  const base::ByteRange range = chunk->byte_range(location.local_index);
  FetchedSample fetched = read_range(tensor, location, std::move(chunk), range);
  const format::TensorFormat& format = sources_[tensor].format;
  if (format.as_bytes) make_bytes(fetched, format.sample_compression);
  return fetched;
}

FetchedSample Fetcher::read_range(std::size_t tensor, format::ChunkIndex::Location location,
                                  std::shared_ptr<const format::Chunk> chunk, base::ByteRange range) {
  const TensorSource& source = sources_[tensor];
  FetchedSample fetched{{}, chunk->shape(location.local_index)};
  stats_.encoded_bytes += range.size();
  if (chunk->whole()) {
    fetched.stored = chunk->sample(range);
    fetched.owner = std::move(chunk);
  } else {
    base::OwnedBytes bytes = base::OwnedBytes::allocate(range.size());
    store_.read(source.index.key(location.row), chunk->data_offset() + range.begin, {bytes.data.get(), bytes.size});
    own(fetched, std::move(bytes));
  }
  return fetched;
}

std::vector<SampleReader::Result> Fetcher::read(std::size_t tensor, std::span<const std::int64_t> samples) {
  const base::StageTimer timer(stats_.fetch_ns);
  std::vector<SampleReader::Result> results = sources_[tensor].reader->read(samples);
  ++stats_.reads;
  for (const SampleReader::Result& result : results) stats_.encoded_bytes += result.sample.stored.size();
  return results;
}

std::shared_ptr<const format::Chunk> Fetcher::open(std::size_t tensor, std::uint32_t row, bool whole) {
  const TensorSource& source = sources_[tensor];
  return cache_.get({tensor, row, whole}, [&] {
    const std::string name = source.index.key(row);
    format::TensorFormat format = source.format;
    // The tensor's own shape is not that of a tile.
    if (source.index.tiling_of(row) != nullptr) format.fixed_shape.reset();
    Cache::Loaded loaded;
    loaded.value =
        whole ? format::Chunk::read_whole(store_, name, format) : format::Chunk::read_header(store_, name, format);
    if (format::is_image_file(format.chunk_compression)) loaded.value = decode::unstack_images(*loaded.value);
    loaded.bytes = loaded.value->bytes();
    if (whole) ++stats_.chunks_read;
    return loaded;
  });
}

}  // namespace penstock::pipeline
