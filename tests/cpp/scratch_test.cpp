#include "transform/pixels/scratch.h"

#include <gtest/gtest.h>

#include <cstring>
#include <thread>
#include <vector>

namespace penstock::transform {
namespace {

/// Each in a thread of its own, which has no blocks yet.
template <class Test>
void in_a_thread(Test test) {
  std::thread(test).join();
}

TEST(Scratch, AThreadKeepsABlockForTheNextImage) {
  in_a_thread([] {
    const std::byte* first = nullptr;
    {
      const Scratch scratch(1 << 20);
      first = scratch.as<std::byte>();
    }
    EXPECT_GE(Scratch::kept_by_thread(), std::size_t{1} << 20);
    const Scratch again(1 << 19);
    EXPECT_EQ(again.as<std::byte>(), first);
    EXPECT_EQ(Scratch::kept_by_thread(), 0U);
  });
}

TEST(Scratch, WhatAThreadKeepsHasALimitInBytes) {
  in_a_thread([] {
    for (int round = 0; round < 3; ++round) {
      std::vector<Scratch> many;
      for (int i = 0; i < 20; ++i) many.emplace_back(std::size_t{10} << 20);
    }
    EXPECT_LE(Scratch::kept_by_thread(), Scratch::kMostKept);
    EXPECT_GT(Scratch::kept_by_thread(), std::size_t{30} << 20);
  });
}

TEST(Scratch, AHugeBlockIsNotKeptAndPushesNoneOut) {
  in_a_thread([] {
    {
      const Scratch small(1000);
    }
    const std::size_t before = Scratch::kept_by_thread();
    EXPECT_GT(before, 0U);
    {
      const Scratch huge(Scratch::kMostKept + 1);
      std::memset(huge.as<std::byte>() + Scratch::kMostKept, 1, 1);
    }
    EXPECT_EQ(Scratch::kept_by_thread(), before);
  });
}

}  // namespace
}  // namespace penstock::transform
