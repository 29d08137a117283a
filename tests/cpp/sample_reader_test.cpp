#include "pipeline/sample_reader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <stdexcept>

#include "base/error.h"
#include "batch/buffer.h"
#include "pipeline/epoch.h"
#include "pipeline/loader.h"
#include "storage/memory_files.h"
#include "support/dataset.h"
#include "support/expect_error.h"

namespace penstock::pipeline {
namespace {

/// Numbers from 0 on, one u32 a sample; what `fail` throws for a sample is that sample's error.
class Numbers final : public SampleReader {
 public:
  std::vector<Result> read(std::span<const std::int64_t> samples) override {
    ++requests;
    if (refuse) throw std::runtime_error("nothing at all");
    std::vector<Result> results;
    for (const std::int64_t sample : samples) {
      Result& result = results.emplace_back();
      if (sample == bad) {
        result.error = std::make_exception_ptr(base::Error(base::ErrorKind::kStorage, "this one is lost"));
        continue;
      }
      auto owner = std::make_shared<std::uint32_t>(static_cast<std::uint32_t>(sample));
      result.sample.stored = std::as_bytes(std::span(owner.get(), 1));
      result.sample.owner = owner;
      result.sample.raw = true;
    }
    return results;
  }

  std::atomic<int> requests{0};
  bool refuse = false;
  std::int64_t bad = -1;
};

class ReaderTest : public testing::Test {
 protected:
  std::shared_ptr<Epoch> start(std::int64_t samples, std::size_t batch_size, bool beside_chunks = false) {
    std::vector<TensorSource> sources;
    if (beside_chunks) sources = dataset_.sources;
    TensorSource source;
    source.format.name = "numbers";
    source.format.item_size = sizeof(std::uint32_t);
    // Of no account: the reader says that its samples are raw.
    source.format.sample_compression = format::Compression::kLz4;
    source.reader = numbers_;
    sources.push_back(source);
    loader_ = std::make_unique<Loader>(test::opened(dataset_.store), std::move(sources), LoaderOptions{},
                                       std::make_shared<batch::HeapAllocator>());
    const auto order = test::shuffled(samples, 7);
    return loader_->start(order, test::batch_ends(order.size(), batch_size));
  }

  static std::vector<std::uint32_t> numbers_of(const batch::Batch& batch, std::size_t tensor) {
    std::vector<std::uint32_t> numbers;
    for (const auto& array : test::arrays_of(batch, tensor, sizeof(std::uint32_t))) {
      EXPECT_TRUE(array.shape.empty());
      std::uint32_t number = 0;
      std::memcpy(&number, array.bytes.data(), sizeof number);
      numbers.push_back(number);
    }
    return numbers;
  }

  test::Dataset dataset_ = test::make_dataset();
  std::shared_ptr<Numbers> numbers_ = std::make_shared<Numbers>();
  std::unique_ptr<Loader> loader_;
};

TEST_F(ReaderTest, IsAskedOnceABatch) {
  const auto epoch = start(50, 8);
  std::size_t seen = 0;
  while (const auto batch = epoch->next(test::kNoInterrupt)) {
    EXPECT_EQ(numbers_of(*batch, 0), std::vector<std::uint32_t>(batch->indices.begin(), batch->indices.end()));
    seen += batch->indices.size();
  }
  EXPECT_EQ(seen, 50U);
  EXPECT_EQ(numbers_->requests, 7);
}

TEST_F(ReaderTest, StandsBesideChunks) {
  const auto epoch = start(dataset_.samples(), 6, true);
  while (const auto batch = epoch->next(test::kNoInterrupt)) {
    test::expect_sound(dataset_, *batch);
    EXPECT_EQ(numbers_of(*batch, 2), std::vector<std::uint32_t>(batch->indices.begin(), batch->indices.end()));
  }
}

TEST_F(ReaderTest, AnErrorNamesItsSampleAndComesInItsTurn) {
  numbers_->bad = 11;
  const auto order = test::shuffled(50, 7);
  const auto at = std::find(order.begin(), order.end(), 11) - order.begin();
  const auto epoch = start(50, 8);
  for (std::ptrdiff_t i = 0; i < at / 8; ++i) EXPECT_TRUE(epoch->next(test::kNoInterrupt));
  const base::Error error = test::error_of([&] { epoch->next(test::kNoInterrupt); });
  EXPECT_EQ(error.tensor(), "numbers");
  EXPECT_EQ(error.sample(), 11);
  EXPECT_EQ(error.chunk(), "");
}

TEST_F(ReaderTest, AnErrorOfAnotherTypeKeepsIt) {
  numbers_->refuse = true;
  const auto epoch = start(50, 8);
  EXPECT_THROW(epoch->next(test::kNoInterrupt), std::runtime_error);
}

}  // namespace
}  // namespace penstock::pipeline
