#include <algorithm>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/stats.h"
#include "base/thread_pool.h"
#include "decode/stacked_images.h"
#include "format/chunk.h"
#include "format/chunk_header.h"
#include "format/lz4.h"
#include "pipeline/decode_sample.h"
#include "pipeline/fetch.h"
#include "storage/files.h"
#include "storage/store.h"
#include "targets.h"

namespace penstock::fuzz {
namespace {

constexpr std::size_t kFormatBytes = 7;
/// Samples of a chunk that are tried; a table may claim billions.
constexpr std::uint64_t kMostSamples = 64;
/// Decoded bytes of a sample that are tried: larger ones are sound as far as this goes, and slow.
constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 22;

void require(bool promise) {
  if (!promise) std::abort();
}

/// The tensor's format that the first bytes of an input choose: compression, bytes of an element (as a power of two),
/// axes, flags (1: image, 2: fixed shape, 4: as bytes), three extents of the fixed shape.
pipeline::TensorSource source_of(base::Bytes choice) {
  const auto at = [&](std::size_t i) { return static_cast<std::uint32_t>(choice[i]); };
  pipeline::TensorSource source;
  format::TensorFormat& format = source.format;
  constexpr format::Compression kSample[] = {
      format::Compression::kNone, format::Compression::kLz4,  format::Compression::kNone, format::Compression::kJpeg,
      format::Compression::kPng,  format::Compression::kWebp, format::Compression::kNone};
  const std::uint32_t kind = at(0) % 7;
  format.name = "fuzzed";
  format.sample_compression = kSample[kind];
  if (kind == 2) format.chunk_compression = format::Compression::kLz4;
  if (kind == 6) format.chunk_compression = format::Compression::kPng;
  format.is_image = (at(3) & 1U) != 0 || kind > 2;
  format.item_size = format.is_image ? 1U << (at(1) % 2) : 1U << (at(1) % 4);
  format.dimensions = 1 + at(2) % 3;
  format.as_bytes = !format.is_image && (at(3) & 4U) != 0;
  if (format.as_bytes) format.item_size = 1;
  if ((at(3) & 2U) != 0 && !format.as_bytes) {
    format.fixed_shape.emplace();
    for (std::uint32_t axis = 0; axis < format.dimensions; ++axis) format.fixed_shape->push_back(at(4 + axis));
  }
  source.index = {{1}, {static_cast<std::int64_t>(kMostSamples) - 1}, {0}, {"fuzzed/chunks"}};
  return source;
}

/// One object, for every key, which is there at once.
class OneObject final : public storage::Store {
 public:
  explicit OneObject(base::Bytes object) : object_(object) {}

  void get(storage::Request request, storage::Done done) noexcept override {
    answering(std::move(done), [&](const base::Answer<storage::Object>& answer) {
      const base::ByteRange part = storage::within(request.range, object_.size());
      answer.give(storage::Object{owned(object_.subspan(part.begin, part.size())), object_.size()});
    });
  }
  std::optional<std::uint64_t> known_size(const std::string& /*key*/) const override { return object_.size(); }
  std::uint64_t bytes_worth_a_request() const override { return 0; }
  void begin_stop() noexcept override {}
  bool stop(base::Deadline /*deadline*/) noexcept override { return true; }
  void abandon(std::shared_ptr<const void> /*owner*/) noexcept override {}

  static base::OwnedBytes owned(base::Bytes bytes) {
    base::OwnedBytes copy = base::OwnedBytes::allocate(bytes.size());
    std::copy(bytes.begin(), bytes.end(), copy.data.get());
    return copy;
  }

 private:
  base::Bytes object_;
};

/// How many bytes from the beginning have a header's end among them.
std::uint64_t header_bytes(base::Bytes object) {
  std::uint64_t have = 0;
  for (;;) {
    const std::uint64_t needed = format::header_bytes_needed(object.first(have), object.size());
    require(needed <= object.size());
    if (needed <= have) return have;
    have = needed;
  }
}

pipeline::Fetcher::ChunkPointer opened(const pipeline::TensorSource& source, base::Bytes object, bool whole) {
  auto chunk = whole ? format::Chunk::from_object(OneObject::owned(object), source.format)
                     : format::Chunk::from_header(object.first(header_bytes(object)), object.size(), source.format);
  if (format::is_image_file(source.format.chunk_compression)) chunk = decode::unstack_images(*chunk);
  return chunk;
}

/// A sample as it comes out, or nothing where it cannot be read.
std::vector<std::byte> decoded(pipeline::Fetcher& fetcher, const pipeline::TensorSource& source,
                               const pipeline::Fetcher::ChunkPointer& chunk, std::int64_t sample, bool& sound) {
  std::vector<std::byte> out;
  sound = false;
  if (chunk == nullptr) return out;
  try {
    const pipeline::FetchedSample fetched = fetcher.read_now(0, 0, static_cast<std::uint64_t>(sample), chunk);
    const base::Shape shape = pipeline::output_shape(source, fetched);
    const std::uint64_t bytes = *base::checked_byte_count(shape, source.format.item_size);
    if (bytes > kMostBytes) return out;
    out.resize(bytes);
    pipeline::decode_sample(source, fetched, out);
    sound = true;
  } catch (const base::Error& error) {
    require(error.sample() == sample || error.sample() == -1);
    out.clear();
  }
  return out;
}

}  // namespace

void chunk_header(base::Bytes input) {
  try {
    const std::uint64_t have = header_bytes(input);
    const format::ChunkHeader header = format::parse_chunk_header(input.first(have), input.size());
    require(header.data_offset <= have);
    const std::uint64_t samples = header.samples();
    for (const std::uint64_t local : {std::uint64_t{0}, std::uint64_t{1}, samples / 2, samples - 1, samples}) {
      const auto shape = header.shape(local);
      const auto range = header.byte_range(local);
      if (range) require(range->begin <= range->end);
      if (local < samples) require(shape || range);
      if (local == samples) require(!shape && !range);
    }
  } catch (const base::Error&) {
  }
}

void chunk(base::Bytes input) {
  if (input.size() < kFormatBytes) return;
  const std::vector<pipeline::TensorSource> sources = {source_of(input.first(kFormatBytes))};
  const base::Bytes stored = input.subspan(kFormatBytes);
  OneObject store(stored);
  base::Stats stats;
  base::ThreadPool no_threads("", 0);
  pipeline::Fetcher fetcher(store, sources, 1 << 20, no_threads, stats);
  const auto open = [&](bool whole) -> pipeline::Fetcher::ChunkPointer {
    try {
      return opened(sources[0], stored, whole);
    } catch (const base::Error&) {
      return nullptr;
    }
  };
  const pipeline::Fetcher::ChunkPointer by_whole = open(true);
  const bool ranges = sources[0].format.chunk_compression == format::Compression::kNone;
  const pipeline::Fetcher::ChunkPointer by_header = ranges ? open(false) : nullptr;
  for (std::int64_t sample = 0; sample < static_cast<std::int64_t>(kMostSamples); ++sample) {
    bool sound = false;
    const std::vector<std::byte> whole = decoded(fetcher, sources[0], by_whole, sample, sound);
    if (!ranges) continue;
    bool sound_too = false;
    require(whole == decoded(fetcher, sources[0], by_header, sample, sound_too) && sound == sound_too);
  }
}

void lz4(base::Bytes input) {
  try {
    require(format::decompress_lz4(input).size <= input.size() * 255);
  } catch (const base::Error&) {
  }
}

}  // namespace penstock::fuzz
