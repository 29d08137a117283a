#include "pipeline/fetch.h"

#include <utility>

#include "base/error.h"

namespace penstock::pipeline {

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
      return fetched;
    }
    auto bytes = std::make_shared<format::OwnedBytes>(format::OwnedBytes::allocate(extent.end - extent.begin));
    store_.read(key, chunk->data_offset() + extent.begin, {bytes->data.get(), bytes->size});
    fetched.stored = bytes->view();
    fetched.owner = std::move(bytes);
    return fetched;
  } catch (base::Error& error) {
    error.set_place(source.format.name, sample, key);
    throw;
  }
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
