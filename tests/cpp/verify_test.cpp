#include <gtest/gtest.h>

#include "pipeline/verify.h"
#include "support/chunk_builder.h"
#include "support/dataset.h"
#include "support/expect_error.h"

namespace penstock::pipeline {
namespace {

constexpr std::size_t kImages = 0;
constexpr std::size_t kBoxes = 1;

class VerifyTest : public testing::Test {
 protected:
  /// Runs to the end; all findings in order.
  std::vector<Finding> run(bool decode = true, unsigned threads = 3) {
    Verifier verifier(test::opened(dataset_.store), dataset_.sources, {threads, decode});
    std::vector<Finding> findings;
    std::vector<std::int64_t> samples(dataset_.sources.size());
    while (auto chunk = verifier.next(test::kNoInterrupt)) {
      samples[chunk->tensor] += chunk->samples;
      for (Finding& finding : chunk->findings) findings.push_back(std::move(finding));
    }
    for (std::size_t tensor = 0; tensor < samples.size(); ++tensor) {
      EXPECT_EQ(samples[tensor], dataset_.sources[tensor].index.samples());
    }
    return findings;
  }

  test::Dataset dataset_ = test::make_dataset();
};

TEST_F(VerifyTest, FindsNothingInSoundData) {
  for (const bool equal_sizes : {false, true}) {
    for (const bool lz4_boxes : {false, true}) {
      test::DatasetOptions options;
      options.equal_sizes = equal_sizes;
      options.lz4_boxes = lz4_boxes;
      dataset_ = test::make_dataset(options);
      EXPECT_TRUE(run().empty());
      EXPECT_TRUE(run(false).empty());
    }
  }
}

TEST_F(VerifyTest, ReadsEachChunkOnce) {
  run();
  for (std::size_t tensor : {kImages, kBoxes}) {
    for (std::uint32_t row = 0; row < dataset_.sources[tensor].index.rows(); ++row) {
      EXPECT_EQ(dataset_.store->reads(dataset_.sources[tensor].index.key(row)), 1U);
    }
  }
}

TEST_F(VerifyTest, EachBadSampleOfAChunkIsFoundWithItsBytes) {
  for (const std::int64_t sample : {8, 9, 11, 30}) dataset_.damage(kImages, sample);
  for (const unsigned threads : {1U, 2U, 7U}) {
    const std::vector<Finding> findings = run(true, threads);
    ASSERT_EQ(findings.size(), 4U);
    std::vector<std::int64_t> bad;
    for (const Finding& finding : findings) {
      bad.push_back(finding.first);
      EXPECT_EQ(finding.last, finding.first);
      EXPECT_EQ(finding.error.kind(), base::ErrorKind::kDecode);
      EXPECT_EQ(finding.error.tensor(), "images");
      EXPECT_EQ(finding.error.sample(), finding.first);
      EXPECT_EQ(finding.error.chunk(), dataset_.chunk_of(kImages, finding.first));
      ASSERT_TRUE(finding.bytes);
      const test::ByteVector stored =
          test::copy_of(dataset_.memory->read(finding.error.chunk(), *finding.bytes).bytes.view());
      EXPECT_EQ(stored, test::ByteVector(stored.size(), std::byte{0x55}));
    }
    EXPECT_EQ(bad, (std::vector<std::int64_t>{8, 9, 11, 30}));
  }
}

TEST_F(VerifyTest, ABadChunkIsOneFindingThatNamesAllItsSamples) {
  dataset_.store->fail(dataset_.chunk_of(kImages, 7), base::ErrorKind::kStorage);
  const std::string cut = dataset_.chunk_of(kBoxes, 20);
  dataset_.memory->put(cut, test::ByteVector(5, std::byte{9}));
  const std::vector<Finding> findings = run();
  ASSERT_EQ(findings.size(), 2U);
  EXPECT_EQ(findings[0].first, 7);
  EXPECT_EQ(findings[0].last, 13);
  EXPECT_EQ(findings[0].error.kind(), base::ErrorKind::kStorage);
  EXPECT_EQ(findings[1].first, 16);
  EXPECT_EQ(findings[1].last, 31);
  EXPECT_EQ(findings[1].error.kind(), base::ErrorKind::kChunkFormat);
  ASSERT_TRUE(findings[1].bytes);
  EXPECT_EQ(findings[1].bytes->end, 5U);
}

TEST_F(VerifyTest, AChunkThatIsNotThereHasNoBytes) {
  dataset_.sources[kBoxes].index.ids[1] = 0xdead;
  const std::vector<Finding> findings = run();
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].error.kind(), base::ErrorKind::kChunkNotFound);
  EXPECT_FALSE(findings[0].bytes);
}

TEST_F(VerifyTest, WithoutDecodingOnlyStructureIsFound) {
  dataset_.damage(kImages, 8);
  test::ChunkBuilder builder;
  for (std::uint32_t i = 0; i < 8; ++i) builder.add({1, 4}, test::ByteVector(i == 3 ? 12 : 16));
  builder.add({1U << 31, 1U << 31}, test::ByteVector(16));
  dataset_.memory->put(dataset_.chunk_of(kBoxes, 0), builder.build());
  const std::vector<Finding> findings = run(false);
  ASSERT_EQ(findings.size(), 3U);
  EXPECT_EQ(findings[0].first, 3);
  EXPECT_EQ(findings[1].first, 8);
  // The chunk holds nine of its sixteen samples.
  EXPECT_EQ(findings[2].first, 9);
  EXPECT_EQ(findings[2].last, 15);
  EXPECT_EQ(findings[2].error.kind(), base::ErrorKind::kChunkFormat);
}

TEST_F(VerifyTest, StoppingInTheMiddleEndsIt) {
  dataset_.store->slow_down(std::chrono::milliseconds(5));
  Verifier verifier(test::opened(dataset_.store), dataset_.sources, {2, true});
  EXPECT_TRUE(verifier.next(test::kNoInterrupt));
  verifier.stop();
  EXPECT_EQ(test::kind_of([&] { verifier.next(test::kNoInterrupt); }), base::ErrorKind::kClosed);
  verifier.stop();
}

TEST_F(VerifyTest, AnInterruptionLeavesItUsable) {
  struct Stop {};
  dataset_.store->slow_down(std::chrono::milliseconds(1500));
  Verifier verifier(test::opened(dataset_.store), dataset_.sources, {2, true});
  EXPECT_THROW(verifier.next([] { throw Stop(); }), Stop);
  EXPECT_TRUE(verifier.next(test::kNoInterrupt));
}

}  // namespace
}  // namespace penstock::pipeline
