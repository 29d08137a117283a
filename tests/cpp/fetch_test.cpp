#include "pipeline/fetch.h"

#include <gtest/gtest.h>

#include <thread>

#include "support/chunk_builder.h"
#include "support/dataset.h"
#include "support/expect_error.h"
#include "support/fetching.h"

namespace penstock::pipeline {
namespace {

constexpr std::size_t kImages = 0;
constexpr std::size_t kBoxes = 1;
constexpr std::uint64_t kAmple = 1 << 20;

class FetchTest : public testing::Test {
 protected:
  test::Fetching make_fetcher(std::uint64_t cache_bytes = kAmple) {
    return {dataset_.store, dataset_.sources, cache_bytes, stats_};
  }

  test::Dataset dataset_ = test::make_dataset();
  base::Stats stats_;
};

TEST_F(FetchTest, WholeAndRangedReadingGiveTheSame) {
  test::Fetching fetcher = make_fetcher();
  for (std::int64_t sample = 0; sample < dataset_.samples(); ++sample) {
    for (const std::size_t tensor : {kImages, kBoxes}) {
      const FetchedSample whole = fetcher.fetch(tensor, sample, true);
      const FetchedSample ranged = fetcher.fetch(tensor, sample, false);
      EXPECT_EQ(whole.shape, ranged.shape);
      EXPECT_EQ(test::copy_of(whole.stored), test::copy_of(ranged.stored));
      EXPECT_EQ(whole.shape, dataset_.expected[tensor][static_cast<std::size_t>(sample)].shape);
    }
  }
}

TEST_F(FetchTest, AFetchedSampleOutlivesTheFetcherAndTheCache) {
  for (const bool whole : {true, false}) {
    FetchedSample sample;
    {
      test::Fetching fetcher = make_fetcher(0);
      sample = fetcher.fetch(kBoxes, 3, whole);
    }
    EXPECT_EQ(test::copy_of(sample.stored), dataset_.expected[kBoxes][3].bytes);
  }
}

TEST_F(FetchTest, ACachedChunkIsReadOnce) {
  test::Fetching fetcher = make_fetcher();
  for (std::int64_t sample = 0; sample < 7; ++sample) fetcher.fetch(kImages, sample, true);
  EXPECT_EQ(dataset_.store->reads(dataset_.chunk_of(kImages, 0)), 1U);
  EXPECT_EQ(stats_.chunks_read, 1U);
}

TEST_F(FetchTest, ThreadsThatWantTheSameChunkShareItsReading) {
  test::Fetching fetcher = make_fetcher();
  const std::string key = dataset_.chunk_of(kImages, 0);
  dataset_.store->slow_down(std::chrono::milliseconds(20));
  std::vector<std::thread> threads;
  for (std::int64_t sample = 0; sample < 7; ++sample) {
    threads.emplace_back([&, sample] { fetcher.fetch(kImages, sample, true); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(dataset_.store->reads(key), 1U);
  EXPECT_EQ(dataset_.store->most_at_once(key), 1U);
}

TEST_F(FetchTest, CountsTheBytesThatItReadsFromTheStore) {
  const std::string key = dataset_.chunk_of(kImages, 0);
  const std::uint64_t chunk_bytes = dataset_.object_of(key).size();
  test::Fetching fetcher = make_fetcher();
  for (std::int64_t sample = 0; sample < 7; ++sample) fetcher.fetch(kImages, sample, true);
  EXPECT_EQ(stats_.bytes_read, chunk_bytes);
  EXPECT_EQ(stats_.reads, 1U);
  const std::uint64_t header_read = std::min<std::uint64_t>(chunk_bytes, 4096);
  const FetchedSample ranged = fetcher.fetch(kImages, 0, false);
  EXPECT_EQ(stats_.bytes_read, chunk_bytes + header_read + ranged.stored.size());
  EXPECT_EQ(stats_.reads, 3U);
}

TEST_F(FetchTest, CountsCompressedBytesAsTheyAreStored) {
  test::DatasetOptions options;
  options.lz4_boxes = true;
  dataset_ = test::make_dataset(options);
  test::Fetching fetcher = make_fetcher();
  EXPECT_EQ(test::copy_of(fetcher.fetch(kBoxes, 4, true).stored), dataset_.expected[kBoxes][4].bytes);
  EXPECT_EQ(stats_.bytes_read, dataset_.object_of(dataset_.chunk_of(kBoxes, 4)).size());
}

TEST_F(FetchTest, SamplesThatComeOutAsBytesAreDecompressedAndHaveTheirNumberForAShape) {
  const std::vector<test::ByteVector> texts = {test::bytes_of("{}"), {}, test::bytes_of(std::string(1000, 'x'))};
  for (const bool lz4 : {false, true}) {
    TensorSource source;
    source.format.name = "texts";
    source.format.as_bytes = true;
    if (lz4) source.format.sample_compression = format::Compression::kLz4;
    test::ChunkBuilder builder;
    for (const test::ByteVector& text : texts) builder.add({1}, lz4 ? test::lz4_block(text) : text);
    source.index = {{7}, {2}, {0}, {"texts/chunks"}};
    dataset_.memory->put(source.index.key(0), builder.build());
    dataset_.sources = {source};
    test::Fetching fetcher = make_fetcher();
    for (const bool whole : {true, false}) {
      for (std::size_t i = 0; i < texts.size(); ++i) {
        const FetchedSample sample = fetcher.fetch(0, static_cast<std::int64_t>(i), whole);
        EXPECT_EQ(sample.shape, (base::Shape{static_cast<std::uint32_t>(texts[i].size())}));
        EXPECT_EQ(test::copy_of(sample.stored), texts[i]);
      }
    }
  }
}

TEST_F(FetchTest, EachWhoWaitedForAFailedReadHasTheErrorToItself) {
  const std::string key = dataset_.chunk_of(kImages, 0);
  dataset_.store->fail(key, base::ErrorKind::kStorage);
  dataset_.store->slow_down(std::chrono::milliseconds(20));
  test::Fetching fetcher = make_fetcher();
  std::vector<std::thread> threads;
  for (std::int64_t sample = 0; sample < 7; ++sample) {
    threads.emplace_back([&, sample] {
      base::Error error = test::error_of([&] { fetcher.fetch(kImages, sample, true); });
      EXPECT_EQ(error.sample(), -1);
      error.set_place("images", sample, key);
      EXPECT_EQ(error.sample(), sample);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_F(FetchTest, ABadSampleOfAChunkSparesTheOthers) {
  test::ChunkBuilder builder;
  for (std::uint32_t i = 0; i < 3; ++i) builder.add({1, 4}, test::random_bytes(16, i));
  dataset_.memory->put(dataset_.chunk_of(kBoxes, 0), builder.build());
  test::Fetching fetcher = make_fetcher();
  for (const bool whole : {true, false}) {
    pipeline::FetchedSamples samples = fetcher.fetch(kBoxes, 0, {0, 7, 2}, whole);
    ASSERT_EQ(samples.size(), 3U);
    EXPECT_EQ(test::copy_of(samples[0].take().stored), test::random_bytes(16, 0));
    EXPECT_EQ(test::kind_of([&] { samples[1].take(); }), base::ErrorKind::kChunkFormat);
    EXPECT_EQ(test::copy_of(samples[2].take().stored), test::random_bytes(16, 2));
  }
}

TEST_F(FetchTest, RangesThatLieCloseTogetherAreAskedForTogether) {
  // Samples of 50 KB: those of two neighbours are one read, that of a distant one another, and the header a third.
  test::ChunkBuilder builder;
  std::vector<test::ByteVector> values;
  for (std::uint32_t i = 0; i < 16; ++i) {
    values.push_back(test::random_bytes(50'000, i));
    builder.add({1, 12'500}, values.back());
  }
  const std::string key = dataset_.chunk_of(kBoxes, 0);
  dataset_.memory->put(key, builder.build());
  test::Fetching fetcher = make_fetcher();
  pipeline::FetchedSamples samples = fetcher.fetch(kBoxes, 0, {13, 2, 3, 2}, false);
  EXPECT_EQ(dataset_.store->reads(key), 3U);
  for (std::size_t i = 0; const std::size_t sample : {13U, 2U, 3U, 2U}) {
    EXPECT_EQ(test::copy_of(samples[i++].take().stored), values[sample]);
  }
}

TEST_F(FetchTest, OfALargeChunkOnlyTheHeaderIsReadForItsShapes) {
  dataset_.memory->put(dataset_.chunk_of(kBoxes, 0),
                       test::ChunkBuilder().add({1000, 1000}, test::ByteVector(4'000'000)).build());
  dataset_.store->truncate(dataset_.chunk_of(kBoxes, 0), 4096);
  test::Fetching fetcher = make_fetcher();
  const base::Error error = test::error_of([&] { fetcher.fetch(kBoxes, 0, false); });
  EXPECT_EQ(error.kind(), base::ErrorKind::kChunkFormat);
  EXPECT_NE(error.cause().find("ends"), std::string::npos)
      << "the header was read, the sample was not: " << error.cause();
}

TEST_F(FetchTest, AHeaderLargerThanTheFirstReadIsReadToItsEnd) {
  test::ChunkBuilder builder;
  for (std::uint32_t i = 0; i < 1000; ++i) builder.add({1 + i % 2, 4}, test::random_bytes(16 * (1 + i % 2), i));
  ASSERT_GT(builder.header().size(), 16'000U);
  const std::string key = dataset_.chunk_of(kBoxes, 0);
  dataset_.memory->put(key, builder.build());
  test::Fetching fetcher = make_fetcher();
  for (const std::uint32_t i : {0U, 1U, 500U, 999U}) {
    const FetchedSample sample = fetcher.fetch(kBoxes, 0, {i}, false).front().take();
    EXPECT_EQ(sample.shape, (base::Shape{1 + i % 2, 4}));
    EXPECT_EQ(test::copy_of(sample.stored), test::random_bytes(16 * (1 + i % 2), i));
  }
  EXPECT_LE(dataset_.store->reads(key), 3U + 4U) << "three for the header, one for each sample";
}

TEST_F(FetchTest, AFailedReadIsTriedAgainNextTime) {
  dataset_.store->fail(dataset_.chunk_of(kBoxes, 3), base::ErrorKind::kStorage, 1);
  test::Fetching fetcher = make_fetcher();
  EXPECT_EQ(test::kind_of([&] { fetcher.fetch(kBoxes, 3, true); }), base::ErrorKind::kStorage);
  EXPECT_EQ(test::copy_of(fetcher.fetch(kBoxes, 3, true).stored), dataset_.expected[kBoxes][3].bytes);
}

TEST_F(FetchTest, AChunkThatHoldsFewerSamplesThanTheIndexSaysIsAFormatError) {
  test::ChunkBuilder builder;
  builder.add({1, 4}, test::ByteVector(16));
  dataset_.memory->put(dataset_.chunk_of(kBoxes, 0), builder.build());
  test::Fetching fetcher = make_fetcher();
  EXPECT_EQ(test::kind_of([&] { fetcher.fetch(kBoxes, 5, true); }), base::ErrorKind::kChunkFormat);
  EXPECT_EQ(fetcher.fetch(kBoxes, 0, true).shape, (base::Shape{1, 4}));
}

}  // namespace
}  // namespace penstock::pipeline
