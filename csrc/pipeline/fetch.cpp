#include "pipeline/fetch.h"

#include <limits>
#include <string>
#include <utility>

#include "base/error.h"

namespace penstock::pipeline {
namespace {

void own(FetchedSample& sample, format::OwnedBytes bytes) {
  auto owner = std::make_shared<format::OwnedBytes>(std::move(bytes));
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

FetchedSample Fetcher::fetch(std::size_t tensor, std::int64_t sample, bool whole) {
  const base::StageTimer timer(stats_.fetch_ns);
  const TensorSource& source = sources_[tensor];
  const format::ChunkIndex::Place place = source.index.locate(sample);
  const std::string key = source.index.key(place.row);
  try {
    std::shared_ptr<const format::Chunk> chunk = open({tensor, place.row, whole});
    FetchedSample fetched;
    fetched.shape = chunk->shape(place.local_index);
    const format::Extent extent = chunk->extent(place.local_index);
    stats_.encoded_bytes += extent.end - extent.begin;
    if (chunk->whole()) {
      fetched.stored = chunk->sample(extent);
      fetched.owner = std::move(chunk);
    } else {
      format::OwnedBytes bytes = format::OwnedBytes::allocate(extent.end - extent.begin);
      store_.read(key, chunk->data_offset() + extent.begin, {bytes.data.get(), bytes.size});
      own(fetched, std::move(bytes));
    }
    if (source.format.as_bytes) make_bytes(fetched, source.format.sample_compression);
    return fetched;
  } catch (base::Error& error) {
    error.set_place(source.format.name, sample, key);
    throw;
  }
}

std::vector<SampleReader::Result> Fetcher::read(std::size_t tensor, std::span<const std::int64_t> samples) {
  const base::StageTimer timer(stats_.fetch_ns);
  std::vector<SampleReader::Result> results = sources_[tensor].reader->read(samples);
  ++stats_.reads;
  for (const SampleReader::Result& result : results) stats_.encoded_bytes += result.sample.stored.size();
  return results;
}

std::shared_ptr<const format::Chunk> Fetcher::open(const Key& key) {
  const TensorSource& source = sources_[key.tensor];
  return cache_.get(key, [&] {
    const std::string name = source.index.key(key.row);
    Cache::Loaded loaded;
    loaded.value = key.whole ? format::Chunk::read_whole(store_, name, source.format)
                             : format::Chunk::read_header(store_, name, source.format);
    loaded.bytes = loaded.value->bytes();
    if (key.whole) ++stats_.chunks_read;
    return loaded;
  });
}

}  // namespace penstock::pipeline
