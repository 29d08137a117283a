// Loaders that keep coefficients of images: of pipeline/kept_images.h, kept_in_memory.h and kept_in_files.h.
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "pipeline/loader.h"
#include "support/dataset.h"
#include "support/disk_caching.h"
#include "support/temporary_directory.h"
#include "support/threads.h"
#include "support/versioned_files.h"

namespace penstock::pipeline {
namespace {

using Batches = std::vector<std::vector<std::int64_t>>;

std::uint64_t hits(const Loader& loader) { return loader.stats().coefficient_hits; }

void run(const test::Dataset& dataset, Loader& loader, unsigned seed) {
  const auto order = test::shuffled(dataset.samples(), seed);
  const auto epoch = loader.start(order, test::batch_ends(order.size(), 7));
  std::size_t samples = 0;
  for (const auto& batch : test::run_epoch(dataset, *epoch)) samples += batch.size();
  EXPECT_EQ(samples, order.size());
}

TEST(KeptInMemory, EveryImageIsDecodedOnceFromItsFile) {
  const test::Dataset dataset = test::make_dataset();
  LoaderOptions options;
  options.threads = 4;
  options.cache_bytes = 0;
  options.kept = {.memory_bytes = std::uint64_t{64} << 20};
  const auto loader = test::make_loader(dataset, options);
  const auto count = static_cast<std::uint64_t>(dataset.samples());
  for (unsigned epoch = 0; epoch < 3; ++epoch) {
    const std::uint64_t encoded = loader->stats().encoded_bytes;
    run(dataset, *loader, epoch);
    EXPECT_EQ(hits(*loader), epoch * count);
    EXPECT_EQ(loader->stats().coefficients_kept, count);
    if (epoch == 0) continue;
    std::uint64_t boxes = 0;
    for (const test::Array& array : dataset.expected[1]) boxes += array.bytes.size();
    EXPECT_EQ(loader->stats().encoded_bytes - encoded, boxes) << "no image is fetched";
  }
}

TEST(KeptInMemory, TakesWhatThereIsRoomForAndLetsGoOfNothing) {
  const test::Dataset dataset = test::make_dataset();
  const auto kept_with = [&](std::uint64_t bytes) {
    LoaderOptions options;
    options.kept = {.memory_bytes = bytes};
    const auto loader = test::make_loader(dataset, options);
    run(dataset, *loader, 1);
    const std::uint64_t kept = loader->stats().coefficients_kept;
    EXPECT_LE(loader->stats().coefficient_bytes, bytes);
    run(dataset, *loader, 2);
    EXPECT_EQ(hits(*loader), kept);
    EXPECT_EQ(loader->stats().coefficients_kept, kept);
    return kept;
  };
  EXPECT_EQ(kept_with(0), 0U);
  const std::uint64_t some = kept_with(20000);
  EXPECT_GT(some, 0U);
  EXPECT_LT(some, static_cast<std::uint64_t>(dataset.samples()));
}

TEST(KeptInMemory, BadImagesAreAsBadInEveryEpoch) {
  test::Dataset dataset = test::make_dataset();
  dataset.damage(0, 5);
  LoaderOptions options;
  options.kept = {.memory_bytes = std::uint64_t{64} << 20};
  const auto loader = test::make_loader(dataset, options);
  for (int epoch = 0; epoch < 3; ++epoch) {
    const auto started = loader->start({4, 5, 6}, {1, 3});
    EXPECT_TRUE(started->next(test::kNoInterrupt));
    try {
      started->next(test::kNoInterrupt);
      ADD_FAILURE() << "sample 5 is damaged";
    } catch (const base::Error& error) {
      EXPECT_NE(std::string(error.what()).find("5"), std::string::npos) << error.what();
    }
  }
}

/// Chunks that have versions, and a folder.
class KeptInFilesTest : public testing::Test {
 protected:
  KeptInFilesTest() : dataset_(test::make_dataset()) {
    for (std::size_t tensor = 0; tensor < 2; ++tensor) {
      for (std::int64_t sample = 0; sample < dataset_.samples(); ++sample) {
        const std::string key = dataset_.chunk_of(tensor, sample);
        files_->put(key, dataset_.object_of(key), "1");
      }
    }
  }

  std::unique_ptr<Loader> make_loader(std::optional<std::uint64_t> limit = std::nullopt) {
    LoaderOptions options;
    options.threads = 3;
    options.kept = {.folder = std::make_shared<storage::DiskCache>(
                        folder_.path(), limit, [this](const std::string& text) { heard_.push_back(text); }),
                    .roots = {"s3://bucket/lake"}};
    return std::make_unique<Loader>(test::opened(files_), dataset_.sources, options,
                                    std::make_shared<batch::HeapAllocator>());
  }

  /// An epoch of a process of its own; how many images it had from the folder.
  std::uint64_t hits_of_an_epoch(unsigned seed = 1) {
    const auto loader = make_loader();
    run(dataset_, *loader, seed);
    return hits(*loader);
  }
  std::uint64_t images() const { return static_cast<std::uint64_t>(dataset_.samples()); }

  const test::Dataset dataset_;
  std::shared_ptr<test::VersionedFiles> files_ = std::make_shared<test::VersionedFiles>();
  test::TemporaryDirectory folder_;
  std::vector<std::string> heard_;
};

TEST_F(KeptInFilesTest, OtherProcessesFindThem) {
  EXPECT_EQ(hits_of_an_epoch(), 0U);
  EXPECT_EQ(test::files_in(folder_.path()).size(), images());
  const unsigned wholes = files_->wholes();
  EXPECT_EQ(hits_of_an_epoch(2), images());
  EXPECT_EQ(files_->wholes() - wholes, 3U) << "of the boxes";
}

TEST_F(KeptInFilesTest, AChunkOfAnotherVersionIsAnotherChunk) {
  hits_of_an_epoch();
  const std::string key = dataset_.chunk_of(0, 0);
  std::uint64_t of_chunk = 0;
  for (std::int64_t sample = 0; sample < dataset_.samples(); ++sample) of_chunk += dataset_.chunk_of(0, sample) == key;
  files_->put(key, dataset_.object_of(key), "2");
  EXPECT_EQ(hits_of_an_epoch(), images() - of_chunk);
  EXPECT_EQ(hits_of_an_epoch(), images()) << "its images took the others' place";
}

TEST_F(KeptInFilesTest, AChunkThatChangesMeanwhileIsNotKept) {
  const auto loader = make_loader();
  const std::string key = dataset_.chunk_of(0, 0);
  const auto ask = [&] {
    const auto epoch = loader->start({0}, {1});
    EXPECT_TRUE(epoch->next(test::kNoInterrupt));
  };
  files_->put(key, dataset_.object_of(key), "2");
  ask();
  EXPECT_TRUE(test::eventually([&] { return loader->stats().coefficients_kept == 1; }));
  ask();
  EXPECT_EQ(hits(*loader), 1U);
}

TEST_F(KeptInFilesTest, DamagedFilesAreReadFromTheDatasetAndWrittenAnew) {
  hits_of_an_epoch();
  const auto files = test::files_in(folder_.path());
  for (std::size_t i = 0; i < 9; ++i) {
    test::ByteVector bytes = test::bytes_of_file(files[i]);
    if (i % 3 == 0) {
      bytes.resize(bytes.size() / 2);
    } else {
      bytes[i % 3 == 1 ? bytes.size() / 2 : 3] ^= std::byte{1};
    }
    test::write_file(files[i], bytes);
  }
  EXPECT_EQ(hits_of_an_epoch(), images() - 9);
  EXPECT_EQ(hits_of_an_epoch(), images());
}

TEST_F(KeptInFilesTest, TheFolderTakesWhatThereIsRoomFor) {
  const auto loader = make_loader(30000);
  run(dataset_, *loader, 1);
  EXPECT_TRUE(loader->stop());
  std::uint64_t bytes = 0;
  for (const auto& file : test::files_in(folder_.path())) bytes += std::filesystem::file_size(file);
  EXPECT_GT(bytes, 10000U);
  EXPECT_LE(bytes, 30000U);
}

TEST_F(KeptInFilesTest, WithoutVersionsNothingIsKeptAndTheUserIsTold) {
  for (std::int64_t sample = 0; sample < dataset_.samples(); ++sample) {
    const std::string key = dataset_.chunk_of(0, sample);
    files_->put(key, dataset_.object_of(key), "");
  }
  EXPECT_EQ(hits_of_an_epoch(), 0U);
  EXPECT_TRUE(test::files_in(folder_.path()).empty());
  ASSERT_EQ(heard_.size(), 1U);
  EXPECT_NE(heard_[0].find("no coefficients"), std::string::npos);
}

TEST_F(KeptInFilesTest, ALoaderThatIsLeftWaitsForNobody) {
  const auto loader = make_loader();
  const auto order = test::in_order(dataset_.samples());
  const auto epoch = loader->start(order, test::batch_ends(order.size(), 4));
  EXPECT_TRUE(epoch->next(test::kNoInterrupt));
  loader->begin_stop();
  EXPECT_THROW(for (;;) epoch->next(test::kNoInterrupt), base::Error);
}

}  // namespace
}  // namespace penstock::pipeline
