#include "storage/chunk_cache.h"

#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "support/threads.h"

namespace penstock::storage {
namespace {

using Cache = ChunkCache<int, std::string>;

Cache::Loaded make(const std::string& value, std::uint64_t bytes) {
  return {std::make_shared<const std::string>(value), bytes};
}

class ChunkCacheTest : public testing::Test {
 protected:
  /// Asks for `key`; true when it had to be loaded.
  static bool loads(Cache& cache, int key, std::uint64_t bytes = 10) {
    bool loaded = false;
    const Cache::Pointer value = cache.get(key, [&] {
      loaded = true;
      return make(std::to_string(key), bytes);
    });
    EXPECT_EQ(*value, std::to_string(key));
    return loaded;
  }

  base::Stats stats_;
};

TEST_F(ChunkCacheTest, LoadsOnceAndKeeps) {
  Cache cache(100, stats_);
  EXPECT_TRUE(loads(cache, 1));
  EXPECT_FALSE(loads(cache, 1));
  EXPECT_TRUE(loads(cache, 2));
  EXPECT_EQ(cache.bytes(), 20U);
  EXPECT_EQ(stats_.cache_hits, 1U);
  EXPECT_EQ(stats_.cache_misses, 2U);
}

TEST_F(ChunkCacheTest, EvictsWhatWasUsedLongestAgo) {
  Cache cache(30, stats_);
  for (const int key : {1, 2, 3}) EXPECT_TRUE(loads(cache, key));
  EXPECT_FALSE(loads(cache, 1)) << "now 2 is the oldest";
  EXPECT_TRUE(loads(cache, 4));
  EXPECT_FALSE(loads(cache, 3));
  EXPECT_FALSE(loads(cache, 1));
  EXPECT_FALSE(loads(cache, 4));
  EXPECT_TRUE(loads(cache, 2));
}

TEST_F(ChunkCacheTest, EvictsAsManyAsALargeValueNeeds) {
  Cache cache(30, stats_);
  for (const int key : {1, 2, 3}) loads(cache, key);
  EXPECT_TRUE(loads(cache, 4, 25));
  EXPECT_EQ(cache.bytes(), 25U);
  EXPECT_FALSE(loads(cache, 4, 25));
  for (const int key : {1, 2, 3}) EXPECT_TRUE(loads(cache, key));
}

TEST_F(ChunkCacheTest, AValueLargerThanTheBudgetIsHandedOutAndNotKept) {
  Cache cache(30, stats_);
  loads(cache, 1);
  EXPECT_TRUE(loads(cache, 2, 31));
  EXPECT_TRUE(loads(cache, 2, 31)) << "not kept";
  EXPECT_FALSE(loads(cache, 1)) << "and nothing was evicted for it";
  EXPECT_TRUE(loads(cache, 3, 20)) << "exactly the rest of the budget";
  EXPECT_EQ(cache.bytes(), 30U);
}

TEST_F(ChunkCacheTest, AnEvictedValueLivesOnWithItsHolder) {
  Cache cache(10, stats_);
  const Cache::Pointer held = cache.get(1, [] { return make("held", 10); });
  loads(cache, 2);
  EXPECT_EQ(*held, "held");
  EXPECT_EQ(held.use_count(), 1) << "the cache itself has let go";
}

TEST_F(ChunkCacheTest, ManyThreadsThatAskAtOnceShareOneLoad) {
  Cache cache(100, stats_);
  constexpr unsigned kThreads = 8;
  std::atomic<int> loads_done{0};
  std::vector<Cache::Pointer> values(kThreads);
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      values[i] = cache.get(1, [&] {
        // Nobody lands before everybody has asked.
        EXPECT_TRUE(test::eventually([&] { return stats_.cache_hits == kThreads - 1; }));
        ++loads_done;
        return make("value", 5);
      });
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(loads_done, 1);
  for (const Cache::Pointer& value : values) EXPECT_EQ(value, values[0]) << "the same object for all";
}

TEST_F(ChunkCacheTest, AFailureReachesAllWhoWaitAndIsNotRemembered) {
  Cache cache(100, stats_);
  constexpr unsigned kThreads = 8;
  std::atomic<unsigned> failures{0};
  std::atomic<unsigned> attempts{0};
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      try {
        cache.get(1, [&]() -> Cache::Loaded {
          EXPECT_TRUE(test::eventually([&] { return stats_.cache_hits == kThreads - 1; }));
          ++attempts;
          throw base::Error(base::ErrorKind::kStorage, "no such luck");
        });
      } catch (base::Error& error) {
        EXPECT_EQ(error.cause(), "no such luck");
        EXPECT_EQ(error.sample(), -1);
        error.set_place("images", i, "");  // to its own copy
        ++failures;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(attempts, 1U);
  EXPECT_EQ(failures, kThreads);
  EXPECT_EQ(cache.bytes(), 0U);
  EXPECT_TRUE(loads(cache, 1)) << "the next one tries again";
}

TEST_F(ChunkCacheTest, AnyExceptionComesOutAsItIs) {
  Cache cache(100, stats_);
  EXPECT_THROW(cache.get(1, []() -> Cache::Loaded { throw std::out_of_range("x"); }), std::out_of_range);
  EXPECT_THROW(cache.get(1, []() -> Cache::Loaded { throw std::bad_alloc(); }), std::bad_alloc);
  EXPECT_TRUE(loads(cache, 1));
}

TEST_F(ChunkCacheTest, DifferentKeysLoadAtTheSameTime) {
  Cache cache(100, stats_);
  std::atomic<int> inside{0};
  std::vector<std::thread> threads;
  for (int key = 0; key < 4; ++key) {
    threads.emplace_back([&, key] {
      cache.get(key, [&] {
        ++inside;
        EXPECT_TRUE(test::eventually([&] { return inside == 4; })) << "a load waited for another key's";
        return make("value", 5);
      });
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_F(ChunkCacheTest, NeverHoldsMoreThanItsBudget) {
  constexpr std::uint64_t kBudget = 100;
  Cache cache(kBudget, stats_);
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      std::mt19937 generator(i);
      for (int round = 0; round < 2000; ++round) {
        const int key = static_cast<int>(generator() % 40);
        const Cache::Pointer value =
            cache.get(key, [&] { return make(std::to_string(key), static_cast<std::uint64_t>(key) * 3); });
        EXPECT_EQ(*value, std::to_string(key));
        EXPECT_LE(cache.bytes(), kBudget);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

/// A key whose copies fail on demand, as copies do when memory runs out.
struct FragileKey {
  int value = 0;
  static inline std::atomic<int> copies_left{1000};

  explicit FragileKey(int number) : value(number) {}
  FragileKey(const FragileKey& other) : value(other.value) {
    if (copies_left-- <= 0) throw std::bad_alloc();
  }
  FragileKey& operator=(const FragileKey&) = delete;
  ~FragileKey() = default;
  bool operator<(const FragileKey& other) const { return value < other.value; }
};

TEST_F(ChunkCacheTest, AValueThatThereIsNoMemoryToKeepIsHandedOut) {
  for (const int copies : {0, 1}) {
    ChunkCache<FragileKey, std::string> cache(15, stats_);
    FragileKey::copies_left = 1000;
    const auto load = [] {
      return ChunkCache<FragileKey, std::string>::Loaded{std::make_shared<std::string>("v"), 10};
    };
    cache.get(FragileKey(1), load);
    const auto value = cache.get(FragileKey(2), [&] {
      FragileKey::copies_left = copies;
      return load();
    });
    EXPECT_EQ(*value, "v");
    FragileKey::copies_left = 1000;
    for (int key = 0; key < 5; ++key) EXPECT_EQ(*cache.get(FragileKey(key), load), "v") << "it works on";
    EXPECT_LE(cache.bytes(), 15U);
  }
}

}  // namespace
}  // namespace penstock::storage
