#include "storage/chunk_cache.h"

#include <gtest/gtest.h>

#include <atomic>
#include <exception>
#include <future>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/error.h"
#include "support/expect_error.h"

namespace penstock::storage {
namespace {

using Cache = ChunkCache<int, std::string>;

Cache::Loaded make(const std::string& value, std::uint64_t bytes) {
  return {std::make_shared<const std::string>(value), bytes};
}

/// Asks a cache, and waits for what comes.
template <class C, class Key, class Load>
typename C::Pointer get(C& cache, const Key& key, Load load) {
  const auto got = std::make_shared<std::promise<base::Result<typename C::Pointer>>>();
  cache.get(
      key,
      [&](const base::Answer<typename C::Loaded>& answer, const Wanted& /*wanted*/) {
        answer.give(base::Result<typename C::Loaded>::of(load));
      },
      [got](base::Result<typename C::Pointer> result) { got->set_value(std::move(result)); });
  return got->get_future().get().take();
}

class ChunkCacheTest : public testing::Test {
 protected:
  /// Asks for `key`; true when it had to be loaded.
  static bool loads(Cache& cache, int key, std::uint64_t bytes = 10) {
    bool loaded = false;
    const Cache::Pointer value = get(cache, key, [&] {
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

TEST_F(ChunkCacheTest, AnEvictedValueLivesOnWithItsHolderAndIsFoundAgain) {
  Cache cache(10, stats_);
  Cache::Pointer held = get(cache, 1, [] { return make("held", 10); });
  loads(cache, 2);
  EXPECT_EQ(*held, "held");
  EXPECT_EQ(held.use_count(), 1) << "the cache itself has let go";
  EXPECT_EQ(get(cache, 1, [] { return make("another", 10); }), held);
  held.reset();
  EXPECT_TRUE(loads(cache, 1)) << "nobody holds it any more";
}

TEST_F(ChunkCacheTest, AForgottenValueIsLoadedAgain) {
  Cache cache(100, stats_);
  loads(cache, 1);
  loads(cache, 2);
  cache.forget(1);
  cache.forget(1);
  cache.forget(3);
  EXPECT_EQ(cache.bytes(), 10U);
  EXPECT_TRUE(loads(cache, 1));
  EXPECT_FALSE(loads(cache, 2));
}

/// A cache whose loads end when the test says so.
class ChunkCacheFlights : public ChunkCacheTest {
 protected:
  using Results = std::vector<base::Result<Cache::Pointer>>;

  void ask(int key, Results& results, Wanted wanted = {}) {
    cache_.get(
        key,
        [&, key](const base::Answer<Cache::Loaded>& answer, const Wanted& any_wanted) {
          begun_.emplace_back(key, answer);
          wanted_.push_back(any_wanted);
        },
        [&](base::Result<Cache::Pointer> result) { results.push_back(std::move(result)); }, std::move(wanted));
  }

  Cache cache_{100, stats_};
  std::vector<std::pair<int, base::Answer<Cache::Loaded>>> begun_;
  std::vector<Wanted> wanted_;  ///< of these loads
};

const base::Error kNotWanted(base::ErrorKind::kClosed, "nobody wants it");

TEST_F(ChunkCacheFlights, ALoadIsWantedWhileOneOfThoseWhoAskedWaits) {
  bool first = true;
  bool second = true;
  Results results;
  ask(1, results, [&] { return first; });
  ask(1, results, [&] { return second; });
  EXPECT_TRUE(wanted_[0]());
  first = false;
  EXPECT_TRUE(wanted_[0]());
  second = false;
  EXPECT_FALSE(wanted_[0]());
  begun_[0].second.fail(std::make_exception_ptr(kNotWanted));
  EXPECT_EQ(results.size(), 2U) << "they are told all the same";
  EXPECT_EQ(begun_.size(), 1U);
}

TEST_F(ChunkCacheFlights, WhoeverJoinsALoadThatWasGivenUpGetsAnother) {
  Results dropped;
  Results results;
  ask(1, dropped, [] { return false; });
  EXPECT_FALSE(wanted_[0]());
  ask(1, results);
  begun_[0].second.fail(std::make_exception_ptr(kNotWanted));
  ASSERT_EQ(begun_.size(), 2U);
  EXPECT_TRUE(results.empty());
  begun_[1].second.give(make("value", 5));
  ASSERT_EQ(results.size(), 1U);
  EXPECT_EQ(*results[0].value(), "value");
}

TEST_F(ChunkCacheFlights, AllWhoAskMeanwhileShareOneLoad) {
  Results results;
  for (int i = 0; i < 8; ++i) ask(1, results);
  ASSERT_EQ(begun_.size(), 1U);
  EXPECT_TRUE(results.empty());
  begun_[0].second.give(make("value", 5));
  ASSERT_EQ(results.size(), 8U);
  for (base::Result<Cache::Pointer>& result : results) EXPECT_EQ(result.value(), results[0].value()) << "one object";
  EXPECT_EQ(stats_.cache_hits, 7U);
}

TEST_F(ChunkCacheFlights, AFailureReachesAllWhoWaitAndIsNotRemembered) {
  Results results;
  for (int i = 0; i < 8; ++i) ask(1, results);
  begun_[0].second.fail(std::make_exception_ptr(base::Error(base::ErrorKind::kStorage, "no such luck")));
  ASSERT_EQ(results.size(), 8U);
  for (int i = 0; i < 8; ++i) {
    try {
      results[static_cast<std::size_t>(i)].take();
      FAIL();
    } catch (base::Error& error) {
      EXPECT_EQ(error.cause(), "no such luck");
      EXPECT_EQ(error.sample(), -1);
      error.set_place("images", i, "");  // to its own copy
    }
  }
  EXPECT_EQ(cache_.bytes(), 0U);
  ask(1, results);
  ASSERT_EQ(begun_.size(), 2U) << "the next one tries again";
  begun_[1].second.give(make("value", 5));
  EXPECT_EQ(*results.back().value(), "value");
}

TEST_F(ChunkCacheFlights, ALoadThatIsGivenUpIsAFailure) {
  Results results;
  ask(1, results);
  ask(1, results);
  begun_.clear();
  ASSERT_EQ(results.size(), 2U);
  for (base::Result<Cache::Pointer>& result : results) {
    EXPECT_EQ(test::kind_of([&] { result.take(); }), base::ErrorKind::kClosed);
  }
}

TEST_F(ChunkCacheFlights, DifferentKeysLoadAtTheSameTime) {
  Results results;
  for (int key = 0; key < 4; ++key) ask(key, results);
  ASSERT_EQ(begun_.size(), 4U);
  for (const int key : {2, 0, 3, 1}) {
    begun_[static_cast<std::size_t>(key)].second.give(make(std::to_string(key), 5));
    EXPECT_EQ(*results.back().value(), std::to_string(key));
  }
}

TEST_F(ChunkCacheTest, AnyExceptionComesOutAsItIs) {
  Cache cache(100, stats_);
  EXPECT_THROW(get(cache, 1, []() -> Cache::Loaded { throw std::out_of_range("x"); }), std::out_of_range);
  EXPECT_THROW(get(cache, 1, []() -> Cache::Loaded { throw std::bad_alloc(); }), std::bad_alloc);
  bool failed = false;
  cache.get(
      1, [](const base::Answer<Cache::Loaded>& /*answer*/, const Wanted& /*wanted*/) { throw std::out_of_range("x"); },
      [&](const base::Result<Cache::Pointer>& result) { failed = !result.sound(); });
  EXPECT_TRUE(failed) << "a load that cannot begin";
  EXPECT_TRUE(loads(cache, 1));
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
            get(cache, key, [&] { return make(std::to_string(key), static_cast<std::uint64_t>(key) * 3); });
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
    get(cache, FragileKey(1), load);
    const auto value = get(cache, FragileKey(2), [&] {
      FragileKey::copies_left = copies;
      return load();
    });
    EXPECT_EQ(*value, "v");
    FragileKey::copies_left = 1000;
    for (int key = 0; key < 5; ++key) EXPECT_EQ(*get(cache, FragileKey(key), load), "v") << "it works on";
    EXPECT_LE(cache.bytes(), 15U);
  }
}

}  // namespace
}  // namespace penstock::storage
