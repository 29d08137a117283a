#include "pipeline/fetch.h"

#include <algorithm>
#include <atomic>
#include <limits>
#include <utility>

#include "base/error.h"
#include "base/trace.h"
#include "decode/stacked_images.h"
#include "storage/get_now.h"

namespace penstock::pipeline {
namespace {

/// Enough for the header of a chunk with a hundred images of different sizes, and more where a second request is dear.
constexpr std::uint64_t kLeastHeaderRead = std::uint64_t{4} << 10;
constexpr std::uint64_t kMostHeaderRead = std::uint64_t{64} << 10;
/// Ranges are not merged into larger ones: several connections are faster than one.
constexpr std::uint64_t kLargestMerged = std::uint64_t{16} << 20;

std::uint64_t first_header_read(const storage::Store& store) {
  return std::clamp(store.bytes_worth_a_request() / 16, kLeastHeaderRead, kMostHeaderRead);
}

/// What storage gave, which must be all of what was asked for and is there.
storage::Object complete(base::Result<storage::Object>& result, const std::string& key,
                         std::optional<base::ByteRange> range) {
  storage::Object object = result.take();
  const std::uint64_t begin = range ? std::min(range->begin, object.size) : 0;
  const std::uint64_t end = range ? std::min(range->end, object.size) : object.size;
  if (object.bytes.size != end - begin) {
    throw base::Error(base::ErrorKind::kChunkFormat,
                      "chunk '" + key + "' ends at byte " + std::to_string(begin + object.bytes.size) + ", " +
                          std::to_string(end - begin - object.bytes.size) + " bytes too early");
  }
  return object;
}

/// The bytes of a range that the object must have.
base::OwnedBytes all_of(base::Result<storage::Object>& result, const std::string& key, base::ByteRange range) {
  storage::Object object = complete(result, key, range);
  if (object.bytes.size == range.size()) return std::move(object.bytes);
  throw base::Error(base::ErrorKind::kChunkFormat, "chunk '" + key + "' ends at byte " + std::to_string(object.size) +
                                                       ", " + std::to_string(range.size() - object.bytes.size) +
                                                       " bytes too early");
}

/// What counts in the loader's budget for as long as somebody has it.
template <class Value>
struct Counted {
  Value value;
  base::MemoryBudget::Hold hold;
};

/// `value`, with so many bytes, counted.
template <class Value>
std::shared_ptr<Counted<Value>> counted(base::MemoryBudget& budget, Value value, std::uint64_t bytes) {
  return std::make_shared<Counted<Value>>(
      Counted<Value>{std::move(value), budget.hold(base::MemoryBudget::Use::kChunks, bytes)});
}

}  // namespace

/// A sample or a tile, by where it lies in its chunk's data; or what is wrong with that.
struct Fetcher::Piece {
  std::uint64_t local_index = 0;
  bool tile = false;
  base::ByteRange range = {};
  base::Shape shape = {};
  std::exception_ptr error = nullptr;

  Piece(std::uint64_t index, bool is_tile, const format::Chunk& chunk) : local_index(index), tile(is_tile) {
    try {
      range = tile ? chunk.tile_range() : chunk.byte_range(local_index);
      shape = chunk.shape(local_index);
    } catch (...) {
      error = std::current_exception();
    }
  }
};

/// Pieces of one chunk that are asked for by their ranges.
struct Fetcher::RangedRead {
  /// A range that is asked for at once, and the pieces that lie in it.
  struct Part {
    base::ByteRange range;
    std::vector<std::size_t> pieces;
    std::optional<base::Result<storage::Object>> object;
  };

  std::size_t tensor = 0;
  std::string key;
  ChunkPointer chunk;
  std::vector<Piece> pieces;
  std::vector<Part> parts;
  storage::Wanted wanted;
  std::atomic<std::size_t> pending{0};
  base::Answer<FetchedSamples> answer;

  explicit RangedRead(const base::Answer<FetchedSamples>& to) : answer(to) {}

  /// Divides the sound pieces into parts.
  void divide(std::uint64_t largest_gap);
};

/// The tiles of one item.
struct Fetcher::TileRead {
  std::size_t tensor = 0;
  std::uint32_t first_row = 0;
  const format::Tiling* tiling = nullptr;
  FetchedSamples tiles;
  storage::Wanted wanted;
  std::atomic<std::size_t> pending{0};
  base::Answer<FetchedSample> answer;

  explicit TileRead(const base::Answer<FetchedSample>& to) : answer(to) {}

  void set(std::uint32_t number, base::Result<FetchedSample> tile) noexcept;
  FetchedSample assembled();
};

void Fetcher::RangedRead::divide(std::uint64_t largest_gap) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    if (pieces[i].error == nullptr && pieces[i].range.size() > 0) order.push_back(i);
  }
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return pieces[a].range.begin < pieces[b].range.begin; });
  for (const std::size_t i : order) {
    const base::ByteRange range = pieces[i].range;
    if (!parts.empty()) {
      base::ByteRange& last = parts.back().range;
      const std::uint64_t end = std::max(last.end, range.end);
      const bool near = range.begin <= last.end || range.begin - last.end <= largest_gap;
      if (near && (range.end <= last.end || end - last.begin <= kLargestMerged)) {
        last.end = end;
        parts.back().pieces.push_back(i);
        continue;
      }
    }
    parts.push_back({range, {i}, std::nullopt});
  }
}

void Fetcher::TileRead::set(std::uint32_t number, base::Result<FetchedSample> tile) noexcept {
  tiles[number] = std::move(tile);
  if (pending.fetch_sub(1) == 1) answer.give(base::Result<FetchedSample>::of([this] { return assembled(); }));
}

FetchedSample Fetcher::TileRead::assembled() {
  FetchedSample sample{{}, tiling->sample};
  sample.tiling = tiling;
  for (base::Result<FetchedSample>& tile : tiles) sample.tiles.push_back(tile.take());
  return sample;
}

Fetcher::Fetcher(storage::Store& store, const std::vector<TensorSource>& sources, std::uint64_t cache_bytes,
                 base::ThreadPool& threads, base::Stats& stats, std::shared_ptr<base::MemoryBudget> budget)
    : store_(store),
      sources_(sources),
      threads_(threads),
      stats_(stats),
      budget_(std::move(budget)),
      cache_(cache_bytes, stats, [this] { return budget_->chunks_over(); }) {}

void Fetcher::own(FetchedSample& sample, base::OwnedBytes bytes) const {
  const std::uint64_t size = bytes.size;
  auto owner = counted(*budget_, std::move(bytes), size);
  sample.stored = owner->value.view();
  sample.owner = std::move(owner);
}

void Fetcher::make_bytes(FetchedSample& sample, format::Compression compression) const {
  if (compression == format::Compression::kLz4) own(sample, format::decompress_lz4(sample.stored));
  if (sample.stored.size() > std::numeric_limits<std::uint32_t>::max()) {
    throw base::Error(base::ErrorKind::kDecode, "the sample has " + std::to_string(sample.stored.size()) + " bytes");
  }
  sample.shape = {static_cast<std::uint32_t>(sample.stored.size())};
}

template <class T, class Make>
void Fetcher::make_on_thread(const base::Answer<T>& answer, Make make) noexcept {
  try {
    threads_.submit(
        [this, answer, make = std::move(make)]() mutable {
          base::Result<T> result = [&] {
            const base::trace::Span span(base::trace::Name::kParse, stats_.loader);
            return base::Result<T>::of(make);
          }();
          answer.give(std::move(result));
        },
        base::ThreadPool::Turn::kUrgent);
  } catch (...) {
    answer.fail(std::current_exception());
  }
}

void Fetcher::open(std::size_t tensor, std::uint32_t row, bool whole, Opened opened, storage::Wanted wanted) noexcept {
  const Key key{tensor, row, whole};
  const auto load = [this, key](const Landing& landing, const storage::Wanted& any_wanted) {
    key.whole ? load_whole(key, landing, any_wanted) : load_header(key, landing, any_wanted);
  };
  try {
    cache_.get(key, load, opened, std::move(wanted));
  } catch (...) {
    opened(std::current_exception());  // no memory for the call itself
  }
}

format::TensorFormat Fetcher::format_of(const Key& key) const {
  format::TensorFormat format = sources_[key.tensor].format;
  // The tensor's own shape is not that of a tile.
  if (sources_[key.tensor].index.tiling_of(key.row) != nullptr) format.fixed_shape.reset();
  return format;
}

Fetcher::Cache::Loaded Fetcher::loaded(ChunkPointer chunk, bool whole) {
  if (format::is_image_file(chunk->format().chunk_compression)) chunk = decode::unstack_images(*chunk);
  if (whole) ++stats_.chunks_read;
  const std::uint64_t bytes = chunk->bytes();
  const format::Chunk* value = chunk.get();
  return {ChunkPointer(counted(*budget_, std::move(chunk), bytes), value), bytes};
}

void Fetcher::load_whole(const Key& key, const Landing& landing, const storage::Wanted& wanted) {
  std::string name = sources_[key.tensor].index.key(key.row);
  store_.get({name, std::nullopt, wanted}, [this, key, name, landing](base::Result<storage::Object> result) {
    try {
      auto object = std::make_shared<base::Result<storage::Object>>(std::move(result));
      make_on_thread(landing, [this, key, name, object] {
        return loaded(format::Chunk::from_object(complete(*object, name, std::nullopt).bytes, format_of(key)), true);
      });
    } catch (...) {
      landing.fail(std::current_exception());
    }
  });
}

void Fetcher::load_header(const Key& key, const Landing& landing, const storage::Wanted& wanted) {
  continue_header(key, std::make_shared<std::vector<std::byte>>(), first_header_read(store_), landing, wanted);
}

void Fetcher::continue_header(const Key& key, const std::shared_ptr<std::vector<std::byte>>& beginning,
                              std::uint64_t bytes, const Landing& landing, const storage::Wanted& wanted) {
  std::string name = sources_[key.tensor].index.key(key.row);
  const base::ByteRange range{beginning->size(), beginning->size() + bytes};
  store_.get({name, range, wanted}, [this, key, beginning, name, range, landing,
                                     wanted](base::Result<storage::Object> result) {
    try {
      auto part = std::make_shared<base::Result<storage::Object>>(std::move(result));
      threads_.submit(
          [this, key, beginning, name, range, landing, wanted, part] {
            try {
              const storage::Object object = complete(*part, name, range);
              beginning->insert(beginning->end(), object.bytes.view().begin(), object.bytes.view().end());
              const std::uint64_t needed = format::header_bytes_needed(*beginning, object.size);
              if (needed > beginning->size()) {
                continue_header(key, beginning, needed - beginning->size(), landing, wanted);
              } else {
                landing.give(loaded(format::Chunk::from_header(*beginning, object.size, format_of(key)), false));
              }
            } catch (...) {
              landing.fail(std::current_exception());
            }
          },
          base::ThreadPool::Turn::kUrgent);
    } catch (...) {
      landing.fail(std::current_exception());
    }
  });
}

void Fetcher::read(std::size_t tensor, std::uint32_t row, const ChunkPointer& chunk,
                   const std::vector<std::uint64_t>& local_indices, const base::Answer<FetchedSamples>& answer,
                   storage::Wanted wanted) noexcept {
  try {
    // The chunk is used by each of them, though it was asked for once.
    if (!local_indices.empty()) stats_.cache_hits += local_indices.size() - 1;
    std::vector<Piece> pieces;
    for (const std::uint64_t index : local_indices) pieces.emplace_back(index, false, *chunk);
    read_pieces(tensor, row, chunk, std::move(pieces), answer, std::move(wanted));
  } catch (...) {
    answer.fail(std::current_exception());
  }
}

void Fetcher::read_pieces(std::size_t tensor, std::uint32_t row, const ChunkPointer& chunk, std::vector<Piece> pieces,
                          const base::Answer<FetchedSamples>& answer, storage::Wanted wanted) {
  if (chunk->whole()) {
    FetchedSamples samples;
    for (Piece& piece : pieces) {
      samples.push_back(base::Result<FetchedSample>::of([&] { return of_whole(tensor, chunk, piece); }));
    }
    answer.give(std::move(samples));
    return;
  }
  auto read = std::make_shared<RangedRead>(answer);
  read->tensor = tensor;
  read->key = sources_[tensor].index.key(row);
  read->chunk = chunk;
  read->pieces = std::move(pieces);
  read->wanted = std::move(wanted);
  read->divide(store_.bytes_worth_a_request());
  read_ranges(read);
}

void Fetcher::read_ranges(const std::shared_ptr<RangedRead>& read) {
  const auto finish = [this, read] { make_on_thread(read->answer, [this, read] { return finish_ranges(*read); }); };
  if (read->parts.empty()) return finish();
  read->pending = read->parts.size();
  const std::uint64_t offset = read->chunk->data_offset();
  for (RangedRead::Part& part : read->parts) {
    store_.get({read->key, base::ByteRange{offset + part.range.begin, offset + part.range.end}, read->wanted},
               [read, &part, finish](base::Result<storage::Object> result) {
                 part.object.emplace(std::move(result));
                 if (read->pending.fetch_sub(1) == 1) finish();
               });
  }
}

FetchedSamples Fetcher::finish_ranges(RangedRead& read) {
  FetchedSamples samples;
  samples.reserve(read.pieces.size());
  for (Piece& piece : read.pieces) {
    if (piece.error != nullptr || piece.range.size() > 0) {
      samples.emplace_back(std::exchange(piece.error, nullptr));  // those with bytes are set below
    } else {
      samples.push_back(base::Result<FetchedSample>::of([&] { return finished(read.tensor, {}, piece); }));
    }
  }
  const std::uint64_t offset = read.chunk->data_offset();
  for (RangedRead::Part& part : read.parts) {
    const base::ByteRange range{offset + part.range.begin, offset + part.range.end};
    auto whole = base::Result<FetchedSample>::of([&] {
      FetchedSample bytes;
      own(bytes, all_of(*part.object, read.key, range));
      return bytes;
    });
    for (const std::size_t i : part.pieces) {
      const Piece& piece = read.pieces[i];
      samples[i] = base::Result<FetchedSample>::of([&] {
        FetchedSample sample = whole.value();
        sample.stored = sample.stored.subspan(piece.range.begin - part.range.begin, piece.range.size());
        return finished(read.tensor, std::move(sample), piece);
      });
    }
  }
  return samples;
}

FetchedSample Fetcher::of_whole(std::size_t tensor, const ChunkPointer& chunk, Piece& piece) {
  if (piece.error != nullptr) std::rethrow_exception(std::exchange(piece.error, nullptr));
  FetchedSample sample;
  sample.stored = chunk->sample(piece.range);
  sample.owner = chunk;
  return finished(tensor, std::move(sample), piece);
}

FetchedSample Fetcher::finished(std::size_t tensor, FetchedSample sample, const Piece& piece) const {
  const format::TensorFormat& format = sources_[tensor].format;
  stats_.encoded_bytes += piece.range.size();
  sample.shape = piece.shape;
  if (!piece.tile && format.as_bytes) make_bytes(sample, format.sample_compression);
  return sample;
}

void Fetcher::fetch_tiles(std::size_t tensor, std::int64_t item, bool whole, const base::Answer<FetchedSample>& answer,
                          storage::Wanted wanted) noexcept {
  try {
    const TensorSource& source = sources_[tensor];
    const auto [first_row, local_index] = source.index.locate(item);
    const std::uint64_t rows = source.index.rows_of(item);
    auto read = std::make_shared<TileRead>(answer);
    read->tensor = tensor;
    read->first_row = first_row;
    read->tiling = source.index.tiling_of(first_row);
    read->wanted = std::move(wanted);
    if (source.format.as_bytes) {
      throw base::Error(base::ErrorKind::kUnsupported, "text, JSON and polygons in tiles are not supported");
    }
    if (local_index != 0 || rows != read->tiling->count()) {
      throw base::Error(base::ErrorKind::kChunkFormat,
                        "the sample is in " + std::to_string(read->tiling->count()) + " tiles, the index has " +
                            std::to_string(rows) + " chunks for it" + (local_index != 0 ? " and for others" : ""));
    }
    for (std::uint64_t i = 0; i < rows; ++i) read->tiles.emplace_back(std::exception_ptr());
    read->pending = rows;
    for (std::uint32_t number = 0; number < rows; ++number) {
      open(
          tensor, first_row + number, whole,
          [this, read, number](const base::Result<ChunkPointer>& opened) { read_tile(read, number, opened); },
          read->wanted);
    }
  } catch (...) {
    answer.fail(std::current_exception());
  }
}

void Fetcher::read_tile(const std::shared_ptr<TileRead>& read, std::uint32_t number,
                        const base::Result<ChunkPointer>& opened) {
  const std::uint32_t row = read->first_row + number;
  const auto set = [this, read, number, row](base::Result<FetchedSamples> samples) {
    read->set(number, base::Result<FetchedSample>::of([&] {
                const TensorSource& source = sources_[read->tensor];
                try {
                  FetchedSample tile = samples.take().front().take();
                  if (tile.shape != read->tiling->block(number).shape) {
                    throw base::Error(
                        base::ErrorKind::kChunkFormat,
                        "tile " + std::to_string(number) + " has not the shape of its place in the sample",
                        base::kDamagedChunk);
                  }
                  tile.chunk = source.index.key(row);
                  return tile;
                } catch (base::Error& error) {
                  error.set_place(source.format.name, -1, source.index.key(row));
                  throw;
                }
              }));
  };
  try {
    const base::Answer<FetchedSamples> answer(set);
    try {
      const ChunkPointer& chunk = opened.value();
      read_pieces(read->tensor, row, chunk, {Piece(0, true, *chunk)}, answer, read->wanted);
    } catch (...) {
      answer.fail(std::current_exception());
    }
  } catch (...) {
    set(std::current_exception());
  }
}

FetchedSample Fetcher::read_now(std::size_t tensor, std::uint32_t row, std::uint64_t local_index,
                                const ChunkPointer& chunk) {
  Piece piece(local_index, false, *chunk);
  if (chunk->whole()) return of_whole(tensor, chunk, piece);
  if (piece.error != nullptr) std::rethrow_exception(piece.error);
  FetchedSample sample;
  if (piece.range.size() > 0) {
    const std::uint64_t offset = chunk->data_offset();
    const std::string key = sources_[tensor].index.key(row);
    const base::ByteRange range{offset + piece.range.begin, offset + piece.range.end};
    base::Result<storage::Object> result(storage::get_now(store_, {key, range}));
    own(sample, all_of(result, key, range));
  }
  return finished(tensor, std::move(sample), piece);
}

std::vector<SampleReader::Result> Fetcher::read_now(std::size_t tensor, std::span<const std::int64_t> samples) {
  const base::StageTimer timer(stats_.fetch_ns);
  base::trace::Span span(base::trace::Name::kRead, stats_.loader);
  if (span.on()) span.event.key = base::trace::label(sources_[tensor].format.name);
  std::vector<SampleReader::Result> results = sources_[tensor].reader->read(samples);
  ++stats_.reads;
  for (SampleReader::Result& result : results) {
    FetchedSample& sample = result.sample;
    stats_.encoded_bytes += sample.stored.size();
    span.event.bytes += sample.stored.size();
    if (budget_->limited()) sample.owner = counted(*budget_, std::move(sample.owner), sample.stored.size());
  }
  return results;
}

}  // namespace penstock::pipeline
