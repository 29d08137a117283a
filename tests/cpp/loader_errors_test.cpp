#include <gtest/gtest.h>

#include "batch/buffer.h"
#include "pipeline/epoch.h"
#include "pipeline/loader.h"
#include "support/chunk_builder.h"
#include "support/counting_allocator.h"
#include "support/dataset.h"
#include "support/expect_error.h"

namespace penstock::pipeline {
namespace {

constexpr std::size_t kImages = 0;
constexpr std::size_t kBoxes = 1;

/// The dataset in batches of four, with faults.
class LoaderErrors : public testing::Test {
 protected:
  std::shared_ptr<Epoch> start(unsigned threads = 2) {
    LoaderOptions options;
    options.threads = threads;
    options.reader_threads = threads;
    loader_ = test::make_loader(dataset_, options);
    return loader_->start(test::in_order(40), test::batch_ends(40, 4));
  }

  /// Expects that many sound batches, then the error.
  base::Error error_after(std::size_t batches, Epoch& epoch) {
    for (std::size_t i = 0; i < batches; ++i) {
      const auto batch = epoch.next(test::kNoInterrupt);
      if (!batch) {
        ADD_FAILURE() << "the epoch ended after " << i << " batches";
        break;
      }
      test::expect_sound(dataset_, *batch);
    }
    return test::error_of([&] { epoch.next(test::kNoInterrupt); });
  }

  test::Dataset dataset_ = test::make_dataset();
  std::unique_ptr<Loader> loader_;
};

TEST_F(LoaderErrors, ADamagedImageComesInItsTurnWithItsPlace) {
  dataset_.damage(kImages, 18);
  const base::Error error = error_after(4, *start());
  EXPECT_EQ(error.kind(), base::ErrorKind::kDecode);
  EXPECT_EQ(error.tensor(), "images");
  EXPECT_EQ(error.sample(), 18);
  EXPECT_EQ(error.chunk(), dataset_.chunk_of(kImages, 18));
}

TEST_F(LoaderErrors, AfterTheErrorTheEpochIsOver) {
  dataset_.damage(kImages, 18);
  const auto epoch = start();
  error_after(4, *epoch);
  EXPECT_EQ(epoch->next(test::kNoInterrupt), std::nullopt);
  EXPECT_EQ(epoch->next(test::kNoInterrupt), std::nullopt);
}

TEST_F(LoaderErrors, TheNextEpochWorks) {
  dataset_.store->fail(dataset_.chunk_of(kBoxes, 20), base::ErrorKind::kStorage, 1);
  const auto epoch = start();
  EXPECT_EQ(error_after(4, *epoch).kind(), base::ErrorKind::kStorage);
  const auto next = loader_->start(test::in_order(40), test::batch_ends(40, 4));
  EXPECT_EQ(test::run_epoch(dataset_, *next).size(), 10U);
}

TEST_F(LoaderErrors, OfSeveralBadSamplesTheFirstInThePlanIsReported) {
  // Two images of one batch, and more in later ones.
  dataset_.damage(kImages, 17);
  dataset_.damage(kImages, 18);
  dataset_.damage(kImages, 30);
  dataset_.store->fail(dataset_.chunk_of(kImages, 21), base::ErrorKind::kStorage);
  for (const unsigned threads : {1U, 2U, 8U}) {
    for (int round = 0; round < 10; ++round) {
      const base::Error error = error_after(4, *start(threads));
      EXPECT_EQ(error.sample(), 17);
      EXPECT_EQ(error.kind(), base::ErrorKind::kDecode);
    }
  }
}

TEST_F(LoaderErrors, ABadImageBeforeAnUnreadableOneIsReportedFirst) {
  // Samples 12 and 13 are the last of their chunk, 14 and 15 the first of the next: one batch holds all four.
  dataset_.damage(kImages, 13);
  dataset_.store->fail(dataset_.chunk_of(kImages, 14), base::ErrorKind::kStorage);
  for (int round = 0; round < 10; ++round) {
    const base::Error error = error_after(3, *start());
    EXPECT_EQ(error.sample(), 13);
    EXPECT_EQ(error.kind(), base::ErrorKind::kDecode);
  }
}

TEST_F(LoaderErrors, OfTwoUnreadableTensorsOfASampleTheFirstIsReported) {
  dataset_.store->fail(dataset_.chunk_of(kImages, 16), base::ErrorKind::kStorage);
  dataset_.store->fail(dataset_.chunk_of(kBoxes, 16), base::ErrorKind::kStorage);
  for (int round = 0; round < 20; ++round) {
    const base::Error error = test::error_of([&] {
      LoaderOptions options;
      options.reader_threads = 2;
      loader_ = test::make_loader(dataset_, options);
      loader_->start({16, 17}, {2})->next(test::kNoInterrupt);
    });
    EXPECT_EQ(error.tensor(), "images");
    EXPECT_EQ(error.sample(), 16);
  }
}

TEST_F(LoaderErrors, AMissingChunkIsNotFound) {
  dataset_.sources[kBoxes].index.ids[1] = 0xDEAD;
  const base::Error error = error_after(4, *start());
  EXPECT_EQ(error.kind(), base::ErrorKind::kChunkNotFound);
  EXPECT_EQ(error.chunk(), "boxes/chunks/dead");
  EXPECT_EQ(error.sample(), 16);
}

TEST_F(LoaderErrors, ATruncatedChunkIsAFormatError) {
  dataset_.store->truncate(dataset_.chunk_of(kImages, 7), 50);
  EXPECT_EQ(error_after(1, *start()).kind(), base::ErrorKind::kChunkFormat);
}

TEST_F(LoaderErrors, AShapeThatItsBytesCannotHoldIsFoundBeforeMemoryIsTaken) {
  test::ChunkBuilder builder;
  for (int i = 0; i < 7; ++i) builder.add({0xFFFFFFFF, 0xFFFFFFFF, 3}, test::random_bytes(300, 1));
  dataset_.memory->put(dataset_.chunk_of(kImages, 0), builder.build());
  const base::Error error = error_after(0, *start());
  EXPECT_EQ(error.kind(), base::ErrorKind::kDecode);
  EXPECT_EQ(error.tensor(), "images");
  EXPECT_EQ(error.sample(), 0);
  EXPECT_EQ(error.chunk(), dataset_.chunk_of(kImages, 0));
}

TEST_F(LoaderErrors, OfSeveralImplausibleShapesTheFirstSamplesIsReported) {
  test::ChunkBuilder images;
  for (std::uint32_t i = 0; i < 7; ++i) {
    images.add({i < 3 ? 0U : 60'000U, 60'000, 3}, i < 3 ? test::ByteVector() : test::random_bytes(30, 1));
  }
  dataset_.memory->put(dataset_.chunk_of(kImages, 0), images.build());
  test::ChunkBuilder boxes;
  for (std::uint32_t i = 0; i < 16; ++i) boxes.add({i < 1 ? 0U : 60'000U, 4}, test::ByteVector(i < 1 ? 0 : 16));
  dataset_.memory->put(dataset_.chunk_of(kBoxes, 0), boxes.build());
  const base::Error error = error_after(0, *start());
  EXPECT_EQ(error.sample(), 1) << "its boxes, not sample 3's image";
  EXPECT_EQ(error.tensor(), "boxes");
}

TEST_F(LoaderErrors, AnImageWithBytesHasPixels) {
  test::ChunkBuilder images;
  for (std::uint32_t i = 0; i < 7; ++i) {
    images.add({0, 60'000, 3}, i < 2 ? test::ByteVector() : test::random_bytes(30, 1));
  }
  dataset_.memory->put(dataset_.chunk_of(kImages, 0), images.build());
  const base::Error error = error_after(0, *start());
  EXPECT_EQ(error.kind(), base::ErrorKind::kDecode);
  EXPECT_EQ(error.tensor(), "images");
  EXPECT_EQ(error.sample(), 2);
}

TEST_F(LoaderErrors, AShapeOfAnotherNumberOfAxesIsADecodeError) {
  test::ChunkBuilder builder;
  for (int i = 0; i < 7; ++i) builder.add({8, 9, 3, 1}, test::random_bytes(300, 1));
  dataset_.memory->put(dataset_.chunk_of(kImages, 0), builder.build());
  const base::Error error = error_after(0, *start());
  EXPECT_EQ(error.kind(), base::ErrorKind::kDecode);
  EXPECT_EQ(error.tensor(), "images");
  EXPECT_EQ(error.sample(), 0);
}

TEST_F(LoaderErrors, MemoryThatRunsOutReachesTheConsumer) {
  const auto allocator = std::make_shared<test::CountingAllocator>();
  loader_ = std::make_unique<Loader>(test::opened(dataset_.store), dataset_.sources, LoaderOptions{}, allocator);
  allocator->fail_next();
  EXPECT_THROW(loader_->start(test::in_order(4), {4})->next(test::kNoInterrupt), std::bad_alloc);
  EXPECT_EQ(test::run_epoch(dataset_, *loader_->start(test::in_order(40), {40})).size(), 1U);
}

}  // namespace
}  // namespace penstock::pipeline
