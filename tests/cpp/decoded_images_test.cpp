#include "pipeline/decoded_images.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <latch>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

namespace penstock::pipeline {
namespace {

constexpr std::uint32_t kHeight = 5, kWidth = 7;
constexpr std::uint64_t kBytes = kHeight * kWidth * 4;

/// Rows whose every byte tells the sample.
class Plain final : public base::RowSource {
 public:
  explicit Plain(std::int64_t sample, bool damaged = false) : sample_(sample), damaged_(damaged) {}

  std::uint32_t height() const override { return kHeight; }
  std::uint32_t width() const override { return kWidth; }
  std::uint32_t channels() const override { return 4; }
  void read(std::uint8_t* rows, std::size_t stride, std::uint32_t count) override {
    for (; count > 0; --count, rows += stride) std::memset(rows, static_cast<int>(sample_), std::size_t{kWidth} * 4);
  }
  void finish() override {
    if (damaged_) throw std::runtime_error("damaged");
  }

 private:
  const std::int64_t sample_;
  const bool damaged_;
};

struct Images {
  std::shared_ptr<base::MemoryBudget> budget = std::make_shared<base::MemoryBudget>();
  DecodedImages images;
  std::atomic<int> opened{0};

  explicit Images(std::size_t most_images = 4, std::uint64_t most_bytes = 100 * kBytes)
      : images(most_images, most_bytes, budget) {}

  std::unique_ptr<base::RowSource> open(std::int64_t sample) {
    return images.open(sample, [&, sample] {
      ++opened;
      return std::make_unique<Plain>(sample);
    });
  }
};

bool shows(base::RowSource& rows, std::int64_t sample) {
  std::vector<std::uint8_t> read(kBytes);
  rows.skip(2);
  rows.read(read.data(), std::size_t{kWidth} * 4, kHeight - 2);
  rows.finish();
  const auto is_sample = [&](std::uint8_t byte) { return byte == sample; };
  return std::all_of(read.begin(), read.begin() + 3 * kWidth * 4, is_sample) &&
         (rows.in_memory() == nullptr || std::all_of(rows.in_memory(), rows.in_memory() + kBytes, is_sample));
}

TEST(DecodedImages, AreDecodedOnce) {
  Images images;
  for (int times = 0; times < 3; ++times) {
    for (std::int64_t sample = 0; sample < 4; ++sample) EXPECT_TRUE(shows(*images.open(sample), sample));
  }
  EXPECT_EQ(images.opened, 4);
  EXPECT_EQ(images.images.decoded(), 4U);
  EXPECT_EQ(images.images.found(), 8U);
}

TEST(DecodedImages, AreKeptAsLongAsTheyWereUsedLast) {
  Images images(2);
  for (const std::int64_t sample : {0, 1, 0, 2}) images.open(sample);
  images.opened = 0;
  images.open(0);
  images.open(2);
  EXPECT_EQ(images.opened, 0);
  images.open(1);
  EXPECT_EQ(images.opened, 1);
}

TEST(DecodedImages, CountAgainstTheBudgetAsLongAsSomebodyHasThem) {
  Images images(100, 8 * kBytes);
  const auto held = images.open(0);
  for (std::int64_t sample = 1; sample < 20; ++sample) images.open(sample);
  EXPECT_EQ(images.budget->held(), 9 * kBytes);
  EXPECT_TRUE(shows(*held, 0));
}

TEST(DecodedImages, AreNotKeptWhereTheyAreLarge) {
  Images images(100, 4 * kBytes - 1);
  for (int times = 0; times < 3; ++times) {
    const auto rows = images.open(3);
    EXPECT_EQ(rows->in_memory(), nullptr);
    EXPECT_TRUE(shows(*rows, 3));
  }
  EXPECT_EQ(images.opened, 3);
  EXPECT_EQ(images.budget->held(), 0U);
}

TEST(DecodedImages, FailForEachThatNeedsThem) {
  Images images;
  for (int times = 0; times < 3; ++times) {
    EXPECT_THROW(images.images.open(1, [] { return std::make_unique<Plain>(1, true); }), std::runtime_error);
    EXPECT_THROW(images.images.open(2, []() -> std::unique_ptr<base::RowSource> { throw std::runtime_error("no"); }),
                 std::runtime_error);
  }
  EXPECT_TRUE(shows(*images.open(1), 1));
  EXPECT_EQ(images.budget->held(), kBytes);
}

/// All threads want images of a few samples in different orders; some cannot be decoded, and few are kept.
TEST(DecodedImages, AreSharedByThreads) {
  constexpr int kThreads = 6, kTimes = 400;
  Images images(3);
  std::atomic<int> wrong{0}, failed{0};
  std::latch ready{kThreads};
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      ready.arrive_and_wait();
      for (int i = 0; i < kTimes; ++i) {
        const std::int64_t sample = (i * (thread + 1) + thread) % 7;
        const bool damaged = sample == 5;
        try {
          const auto rows = images.images.open(sample, [&] { return std::make_unique<Plain>(sample, damaged); });
          if (damaged || !shows(*rows, sample)) ++wrong;
        } catch (const std::runtime_error&) {
          ++failed;
          if (!damaged) ++wrong;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_GT(failed, 0);
  EXPECT_EQ(images.budget->held(), 3 * kBytes);
}

/// Two threads that need one image decode it once: the second waits for the first.
TEST(DecodedImages, AreWaitedForWhileAnotherThreadDecodesThem) {
  Images images;
  std::latch begun{1}, other{1};
  std::thread first([&] {
    const auto rows = images.images.open(1, [&] {
      ++images.opened;
      begun.count_down();
      other.wait();
      return std::make_unique<Plain>(1);
    });
    EXPECT_TRUE(shows(*rows, 1));
  });
  begun.wait();
  std::thread second([&] { EXPECT_TRUE(shows(*images.open(1), 1)); });
  other.count_down();
  first.join();
  second.join();
  EXPECT_EQ(images.opened, 1);
}

}  // namespace
}  // namespace penstock::pipeline
