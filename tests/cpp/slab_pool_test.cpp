#include "batch/slab_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <new>
#include <random>
#include <thread>

#include "support/counting_allocator.h"

namespace penstock::batch {
namespace {

using test::CountingAllocator;

class SlabPoolTest : public testing::Test {
 protected:
  std::shared_ptr<CountingAllocator> allocator_ = std::make_shared<CountingAllocator>();
};

TEST_F(SlabPoolTest, HandsOutAlignedMemoryThatIsLargeEnough) {
  SlabPool pool(allocator_, 2);
  for (const std::size_t bytes : {0U, 1U, 100U, 5000U}) {
    const auto slab = pool.take(bytes);
    ASSERT_NE(slab->data(), nullptr);
    EXPECT_GE(slab->capacity(), bytes);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(slab->data()) % 64, 0U);
    std::memset(slab->data(), 0xAB, bytes);
  }
}

TEST_F(SlabPoolTest, AReturnedSlabIsHandedOutAgain) {
  SlabPool pool(allocator_, 2);
  const std::byte* first = pool.take(1000)->data();
  for (int i = 0; i < 10; ++i) EXPECT_EQ(pool.take(1000)->data(), first);
  EXPECT_EQ(pool.take(10)->data(), first) << "a smaller batch fits too";
  EXPECT_EQ(pool.allocated(), 1U);
}

TEST_F(SlabPoolTest, ASlabInUseIsNotHandedOut) {
  SlabPool pool(allocator_, 2);
  const auto first = pool.take(1000);
  const auto copy = first;
  const auto second = pool.take(1000);
  EXPECT_NE(first->data(), second->data());
  EXPECT_EQ(pool.allocated(), 2U);
}

TEST_F(SlabPoolTest, GrowsToTheLargestBatchAndThenNoMore) {
  SlabPool pool(allocator_, 3);
  std::mt19937 generator(1);
  pool.take(4000);
  for (int i = 0; i < 100; ++i) {
    const auto one = pool.take(generator() % 4000);
    const auto two = pool.take(generator() % 4000);
  }
  EXPECT_EQ(pool.allocated(), 2U);
  EXPECT_GE(pool.take(9000)->capacity(), 9000U);
}

TEST_F(SlabPoolTest, ASlabThatHasBecomeTooSmallIsFreed) {
  SlabPool pool(allocator_, 3);
  pool.take(10);
  pool.take(1000);
  EXPECT_EQ(allocator_->live(), 1U);
}

TEST_F(SlabPoolTest, KeepsNoMoreThanItMay) {
  SlabPool pool(allocator_, 2);
  {
    std::vector<std::shared_ptr<Slab>> many;
    for (int i = 0; i < 5; ++i) many.push_back(pool.take(100));
  }
  EXPECT_EQ(allocator_->live(), 2U);
  SlabPool keeps_none(allocator_, 0);
  keeps_none.take(100);
  EXPECT_EQ(allocator_->live(), 2U);
}

TEST_F(SlabPoolTest, KeepsMoreWhereItIsToldToAndNeverLess) {
  SlabPool pool(allocator_, 1);
  pool.keep_more(4);
  pool.keep_more(2);
  {
    std::vector<std::shared_ptr<Slab>> many;
    for (int i = 0; i < 6; ++i) many.push_back(pool.take(100));
  }
  EXPECT_EQ(allocator_->live(), 4U);
}

TEST_F(SlabPoolTest, SlabsMayOutliveThePool) {
  std::shared_ptr<Slab> slab;
  {
    SlabPool pool(allocator_, 2);
    pool.take(100);
    slab = pool.take(100);
    std::memset(slab->data(), 1, 100);
  }
  EXPECT_EQ(allocator_->live(), 1U);
  EXPECT_EQ(slab->data()[99], std::byte{1});
  slab.reset();
  EXPECT_EQ(allocator_->live(), 0U);
}

TEST_F(SlabPoolTest, AFailedAllocationReachesTheCallerAndLeavesThePoolSound) {
  SlabPool pool(allocator_, 2);
  allocator_->fail_next();
  EXPECT_THROW(pool.take(100), std::bad_alloc);
  EXPECT_EQ(pool.allocated(), 0U);
  EXPECT_GE(pool.take(100)->capacity(), 100U);
}

TEST_F(SlabPoolTest, WhatCouldNotBeHadIsNotAskedForAgain) {
  SlabPool pool(allocator_, 2);
  pool.take(100);
  allocator_->fail_next();
  EXPECT_THROW(pool.take(1'000'000), std::bad_alloc);
  EXPECT_EQ(allocator_->live(), 1U) << "the free slab is still there";
  const auto first = pool.take(100);
  const auto second = pool.take(100);
  EXPECT_LT(second->capacity(), 1'000'000U);
  EXPECT_EQ(pool.allocated(), 2U);
}

TEST_F(SlabPoolTest, ManyThreadsNeverShareASlab) {
  SlabPool pool(allocator_, 4);
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      std::mt19937 generator(i);
      for (int round = 0; round < 500; ++round) {
        const std::size_t bytes = 1 + generator() % 2000;
        const auto slab = pool.take(bytes);
        std::memset(slab->data(), static_cast<int>(i), bytes);
        for (std::size_t byte = 0; byte < bytes; byte += 97) ASSERT_EQ(slab->data()[byte], static_cast<std::byte>(i));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(allocator_->live(), 4U);
}

}  // namespace
}  // namespace penstock::batch
