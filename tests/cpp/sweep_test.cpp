#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <optional>

#include "base/error.h"
#include "base/stats.h"
#include "decode/claims.h"
#include "pipeline/decode_sample.h"
#include "pipeline/fetch.h"
#include "storage/memory_files.h"
#include "support/chunk_builder.h"
#include "support/dataset.h"
#include "support/fetching.h"
#include "support/jpeg_files.h"
#include "support/png_files.h"

namespace penstock::pipeline {
namespace {

using test::ByteVector;

/// A small chunk of one kind.
struct Kind {
  std::string name;
  TensorSource source;
  test::ChunkBuilder builder;
  bool compressed = false;

  ByteVector chunk() const { return compressed ? builder.build_lz4() : builder.build(); }
};

ByteVector numbers(std::size_t count, float first) {
  std::vector<float> values(count);
  std::iota(values.begin(), values.end(), first);
  return test::bytes_of(values);
}

Kind array_kind(const std::string& name, bool fixed, format::Compression sample, format::Compression chunk) {
  Kind kind;
  kind.name = name;
  kind.source.format = {name, false, sizeof(float), sample, chunk, std::nullopt, 2, false};
  if (fixed) kind.source.format.fixed_shape = base::Shape{2, 3};
  kind.compressed = chunk == format::Compression::kLz4;
  for (std::uint32_t i = 0; i < 4; ++i) {
    const std::uint32_t rows = fixed ? 2 : i;
    const ByteVector raw = numbers(std::size_t{rows} * 3, static_cast<float>(i * 10));
    kind.builder.add({rows, 3}, sample == format::Compression::kLz4 ? test::lz4_block(raw) : raw);
  }
  return kind;
}

Kind text_kind(bool lz4) {
  Kind kind;
  kind.name = lz4 ? "lz4 text" : "text";
  kind.source.format.name = kind.name;
  kind.source.format.as_bytes = true;
  if (lz4) kind.source.format.sample_compression = format::Compression::kLz4;
  for (const char* text : {"{\"a\": 1}", "", "plain text", "[1, 2, 3]"}) {
    const ByteVector bytes = test::bytes_of(text);
    kind.builder.add({1}, lz4 ? test::lz4_block(bytes) : bytes);
  }
  return kind;
}

Kind image_kind(const std::string& name, format::Compression compression, bool progressive = false) {
  Kind kind;
  kind.name = name;
  kind.source.format = {name, true, 1, compression, format::Compression::kNone, std::nullopt, 3, false};
  for (std::uint32_t i = 0; i < 3; ++i) {
    const std::uint32_t height = 7 + i;
    if (compression == format::Compression::kJpeg) {
      kind.builder.add({height, 9, 3},
                       test::encode_jpeg(test::make_picture(height, 9, 3, i), test::Subsampling::k420, progressive));
    } else if (compression == format::Compression::kPng) {
      kind.builder.add({height, 9, 3}, test::encode_png(test::make_png_picture(test::PngKind::kRgb, 8, height, 9, i)));
    } else {
      kind.builder.add({height, 9, 3}, test::random_bytes(std::size_t{height} * 9 * 3, i));
    }
  }
  return kind;
}

std::vector<Kind> all_kinds() {
  using enum format::Compression;
  return {array_kind("raw", false, kNone, kNone),
          array_kind("raw of one shape", true, kNone, kNone),
          array_kind("lz4 samples", false, kLz4, kNone),
          array_kind("lz4 samples of one shape", true, kLz4, kNone),
          array_kind("lz4 chunk", false, kNone, kLz4),
          array_kind("lz4 chunk of one shape", true, kNone, kLz4),
          text_kind(false),
          text_kind(true),
          image_kind("raw image", kNone),
          image_kind("jpeg", kJpeg),
          image_kind("progressive jpeg", kJpeg, true),
          image_kind("png", kPng)};
}

/// A sample as it comes out, or nothing after a base::Error. Any other exception fails the test.
using Outcome = std::optional<test::Array>;

std::vector<Outcome> read_all(const Kind& kind, const ByteVector& chunk, std::size_t samples, bool whole) {
  std::vector<TensorSource> sources = {kind.source};
  sources[0].index = {{1}, {static_cast<std::int64_t>(samples) - 1}, {0}, {"x/chunks"}};
  const auto files = std::make_shared<storage::MemoryFiles>();
  files->put(sources[0].index.key(0), chunk);
  base::Stats stats;
  test::Fetching fetcher(files, sources, 1 << 20, stats);
  std::vector<Outcome> outcomes(samples);
  for (std::size_t i = 0; i < samples; ++i) {
    try {
      const FetchedSample sample = fetcher.fetch(0, static_cast<std::int64_t>(i), whole);
      test::Array array{output_shape(sources[0], sample), {}};
      const std::uint64_t bytes = *base::checked_byte_count(array.shape, sources[0].format.item_size);
      // The most that a byte of a JPEG can claim.
      EXPECT_LE(bytes, chunk.size() * 6144);
      array.bytes.resize(bytes);
      decode_sample(sources[0], sample, array.bytes);
      outcomes[i] = std::move(array);
    } catch (const base::Error& error) {
      EXPECT_NE(error.cause(), "");
    }
  }
  return outcomes;
}

class Sweep : public testing::TestWithParam<Kind> {
 protected:
  std::vector<Outcome> read(const ByteVector& chunk) {
    std::vector<Outcome> whole = read_all(GetParam(), chunk, samples_, true);
    if (!GetParam().compressed) {
      EXPECT_EQ(whole, read_all(GetParam(), chunk, samples_, false));
    }
    return whole;
  }

  const ByteVector chunk_ = GetParam().chunk();
  const std::size_t samples_ = GetParam().builder.position_rows.back().back() + 1;
  const std::vector<Outcome> expected_ = read(chunk_);
};

TEST_P(Sweep, TheSoundChunkIsRead) {
  for (const Outcome& outcome : expected_) EXPECT_TRUE(outcome);
}

TEST_P(Sweep, EveryPrefixGivesErrorsOrTheRightBytes) {
  for (std::size_t size = 0; size < chunk_.size(); ++size) {
    const std::vector<Outcome> outcomes = read({chunk_.begin(), chunk_.begin() + static_cast<std::ptrdiff_t>(size)});
    bool all = true;
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
      all = all && outcomes[i];
      if (outcomes[i]) {
        EXPECT_EQ(outcomes[i], expected_[i]) << "sample " << i << " of the first " << size << " bytes";
      }
    }
    EXPECT_FALSE(all) << "the first " << size << " bytes pass for all " << chunk_.size();
  }
}

TEST_P(Sweep, EveryChangedByteGivesErrorsOrValuesOfTheStatedShape) {
  const std::size_t data = GetParam().builder.header().size();
  for (std::size_t position = 0; position < chunk_.size(); ++position) {
    for (const unsigned mask : {0x01U, 0x80U, 0xFFU}) {
      ByteVector changed = chunk_;
      changed[position] ^= static_cast<std::byte>(mask);
      const std::vector<Outcome> outcomes = read(changed);
      if (position < data || GetParam().source.format.as_bytes) continue;
      for (std::size_t i = 0; i < outcomes.size(); ++i) {
        if (outcomes[i]) {
          EXPECT_EQ(outcomes[i]->shape, expected_[i]->shape) << "byte " << position;
        }
      }
    }
  }
}

std::string name_of(const testing::TestParamInfo<Kind>& info) {
  std::string name = info.param.name;
  std::replace(name.begin(), name.end(), ' ', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Kinds, Sweep, testing::ValuesIn(all_kinds()), name_of);

base::ErrorKind shape_error(format::Compression compression, const base::Shape& shape, std::uint64_t bytes) {
  try {
    decode::check_claim(compression, bytes, shape, 1);
  } catch (const base::Error& error) {
    return error.kind();
  }
  return base::ErrorKind::kClosed;
}

TEST(Lies, AnImageIsNotBelievedToBeLargerThanItsBytesOrTheLimit) {
  using enum format::Compression;
  constexpr std::uint64_t kMuch = std::uint64_t{1} << 40;
  EXPECT_EQ(shape_error(kJpeg, {65535, 65535, 3}, 2'000'000), base::ErrorKind::kDecode);
  EXPECT_EQ(shape_error(kJpeg, {65535, 65535, 3}, kMuch), base::ErrorKind::kDecode);
  EXPECT_EQ(shape_error(kPng, {20'000, 20'000, 1}, kMuch), base::ErrorKind::kDecode);
  EXPECT_EQ(shape_error(kWebp, {16'383, 16'383, 3}, kMuch), base::ErrorKind::kDecode);
  EXPECT_EQ(shape_error(kPng, {13'000, 13'000, 1}, 1000), base::ErrorKind::kDecode);
  constexpr std::uint32_t kMost = std::numeric_limits<std::uint32_t>::max();
  EXPECT_EQ(shape_error(kPng, {kMost, kMost, kMost}, kMuch), base::ErrorKind::kDecode);
  EXPECT_EQ(shape_error(kNone, {kMost, kMost, kMost}, kMuch), base::ErrorKind::kDecode);
  // 178,956,970 pixels and no more.
  EXPECT_NO_THROW(decode::check_claim(kJpeg, kMuch, {10, 17'895'697, 3}, 1));
  EXPECT_EQ(shape_error(kJpeg, {11, 17'895'697, 3}, kMuch), base::ErrorKind::kDecode);
  // Raw pixels are as many as their bytes.
  EXPECT_NO_THROW(decode::check_claim(kNone, kMuch, {65535, 65535, 3}, 1));
}

}  // namespace
}  // namespace penstock::pipeline
