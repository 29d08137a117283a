#include "base/memory_budget.h"

#include <gtest/gtest.h>

#include <memory>
#include <thread>
#include <vector>

namespace penstock::base {
namespace {

using Use = MemoryBudget::Use;

TEST(MemoryBudget, CountsWhatIsHeldForAsLongAsItIs) {
  const auto budget = std::make_shared<MemoryBudget>(1000, 300);
  {
    const MemoryBudget::Hold batch = budget->hold(Use::kBatches, 400);
    MemoryBudget::Hold chunk = budget->hold(Use::kChunks, 100);
    const MemoryBudget::Hold moved = std::move(chunk);
    EXPECT_EQ(budget->held(), 500U);
  }
  EXPECT_EQ(budget->held(), 0U);
  EXPECT_EQ(budget->peak(), 500U);
}

TEST(MemoryBudget, WhatReplacesSomethingLetsGoOfIt) {
  const auto budget = std::make_shared<MemoryBudget>(1000, 0);
  MemoryBudget::Hold hold = budget->hold(Use::kBatches, 400);
  hold = budget->hold(Use::kBatches, 10);
  EXPECT_EQ(budget->held(), 10U);
  hold = {};
  EXPECT_EQ(budget->held(), 0U);
}

TEST(MemoryBudget, ChunksHaveTheirShareAndNoMore) {
  const auto budget = std::make_shared<MemoryBudget>(1000, 300);
  EXPECT_TRUE(budget->has_room_for_batches(700));
  EXPECT_FALSE(budget->has_room_for_batches(701)) << "the share is set apart";
  EXPECT_EQ(budget->chunks_over(300), 0U);
  const MemoryBudget::Hold chunks = budget->hold(Use::kChunks, 350);
  EXPECT_EQ(budget->chunks_over(), 50U);
  EXPECT_TRUE(budget->has_room_for_batches(650));
  EXPECT_FALSE(budget->has_room_for_batches(651)) << "chunks take more than their share";
  const MemoryBudget::Hold batches = budget->hold(Use::kBatches, 700);
  EXPECT_FALSE(budget->has_room_for_batches(0));
  EXPECT_EQ(budget->over(), 50U);
}

TEST(MemoryBudget, WithoutALimitThereIsAlwaysRoom) {
  const auto budget = std::make_shared<MemoryBudget>();
  const MemoryBudget::Hold much = budget->hold(Use::kChunks, std::uint64_t{1} << 60);
  EXPECT_FALSE(budget->limited());
  EXPECT_TRUE(budget->has_room_for_batches(std::uint64_t{1} << 62));
  EXPECT_EQ(budget->chunks_over(1), 0U);
  EXPECT_EQ(budget->over(), 0U);
}

TEST(MemoryBudget, TellsOfMemoryOnceForEachThatAwaitsIt) {
  const auto budget = std::make_shared<MemoryBudget>(1000, 0);
  int told = 0;
  budget->on_release([&] { ++told; });
  budget->hold(Use::kBatches, 1);
  EXPECT_EQ(told, 0) << "nobody awaits it";
  budget->await();
  budget->hold(Use::kBatches, 1);
  budget->hold(Use::kBatches, 1);
  EXPECT_EQ(told, 1);
  budget->await();
  budget->tell();
  EXPECT_EQ(told, 2);
  budget->on_release(nullptr);
  budget->await();
  budget->tell();
  EXPECT_EQ(told, 2);
}

TEST(MemoryBudget, ManyThreadsCountAlike) {
  const auto budget = std::make_shared<MemoryBudget>(1'000'000, 0);
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 2000; ++round) {
        const MemoryBudget::Hold one = budget->hold(Use::kBatches, 3);
        const MemoryBudget::Hold two = budget->hold(Use::kChunks, 5);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(budget->held(), 0U);
  EXPECT_GE(budget->peak(), 8U);
  EXPECT_LE(budget->peak(), 4 * 8U);
}

}  // namespace
}  // namespace penstock::base
