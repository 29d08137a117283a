#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <future>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "base/error.h"
#include "support/disk_caching.h"
#include "support/expect_error.h"
#include "support/faulty_files.h"
#include "support/versioned_files.h"

namespace penstock::storage {
namespace {

using test::ByteVector;
using test::Caching;

ByteVector part_of(const ByteVector& value, std::uint64_t begin, std::uint64_t end) {
  const std::uint64_t size = value.size();
  const auto at = [&](std::uint64_t i) { return value.begin() + static_cast<std::ptrdiff_t>(std::min(i, size)); };
  return {at(begin), at(end)};
}

class DiskCacheTest : public testing::Test {
 protected:
  std::string folder() const { return directory_.path() + "/cache"; }
  const ByteVector& put(const std::string& key, std::size_t bytes, unsigned seed) {
    values_[key] = test::random_bytes(bytes, seed);
    files_->put(key, values_[key]);
    return values_[key];
  }

  test::TemporaryDirectory directory_;
  std::shared_ptr<test::VersionedFiles> files_ = std::make_shared<test::VersionedFiles>();
  std::map<std::string, ByteVector> values_;
};

TEST_F(DiskCacheTest, AsksOnceForAWholeObjectAndAnswersRangesOfIt) {
  const ByteVector& value = put("a", 300'000, 1);
  Caching caching(files_, folder());
  EXPECT_EQ(caching.read("a", base::ByteRange{70'000, 70'100}), part_of(value, 70'000, 70'100));
  ASSERT_TRUE(caching.await_written(1));
  EXPECT_EQ(caching.read("a"), value);
  EXPECT_EQ(caching.read("a", base::ByteRange{299'990, 400'000}), part_of(value, 299'990, 300'000));
  EXPECT_EQ(caching.read("a", base::ByteRange{400'000, 400'001}), ByteVector());
  EXPECT_EQ(files_->wholes(), 1U);
  EXPECT_EQ(files_->ranges(), 0U);
  EXPECT_EQ(caching.stats().hits, 3U);
  EXPECT_EQ(caching.stats().bytes, 300'010U);
  EXPECT_EQ(caching.store().known_size("a"), 300'000U);
  const std::vector<Count> counts = caching.store().counts();
  const auto hits =
      std::find_if(counts.begin(), counts.end(), [](const Count& count) { return count.name == "cache_disk_hits"; });
  ASSERT_NE(hits, counts.end());
  EXPECT_EQ(hits->value, 3);
}

TEST_F(DiskCacheTest, ARequestIsWorthWhatTheStoreThatAnswersItSays) {
  constexpr std::uint64_t kFar = 10 << 20;
  put("a", 1000, 1);
  const auto cache = std::make_shared<DiskCache>(folder(), std::nullopt);
  DiskCacheStore store(std::make_shared<BlockingStore>(files_, BlockingStore::make_threads(1), kFar), cache, "root");
  EXPECT_EQ(store.bytes_worth_a_request(), kFar);
  for (int i = 0; i < 500; ++i) test::read(store, "a");
  EXPECT_LT(store.bytes_worth_a_request(), BlockingStore::kWorthALocalRequest + 1000);
  EXPECT_GE(store.bytes_worth_a_request(), BlockingStore::kWorthALocalRequest);
}

TEST_F(DiskCacheTest, RequestsThatComeTogetherShareOne) {
  const ByteVector& value = put("a", 200'000, 2);
  const auto faulty = std::make_shared<test::FaultyFiles>(files_);
  faulty->hold("a");
  Caching caching(faulty, folder());
  std::vector<std::future<base::Result<Object>>> answers;
  for (std::uint64_t i = 0; i < 20; ++i) {
    answers.push_back(test::ask(caching.store(), {"a", base::ByteRange{i * 10'000, i * 10'000 + 7}}));
  }
  faulty->await_read("a");
  faulty->open("a");
  for (std::uint64_t i = 0; i < 20; ++i) {
    EXPECT_EQ(test::copy_of(answers[i].get().take().bytes.view()), part_of(value, i * 10'000, i * 10'000 + 7));
  }
  EXPECT_EQ(files_->wholes(), 1U);
  EXPECT_EQ(files_->ranges(), 0U);
}

TEST_F(DiskCacheTest, AnotherProcessAsksForOneByteOfEachObject) {
  for (unsigned i = 0; i < 5; ++i) put("k" + std::to_string(i), 100'000 * i, i);
  {
    Caching first(files_, folder());
    for (const auto& [key, value] : values_) EXPECT_EQ(first.read(key), value);
  }  // leaving waits for what is to be written
  Caching second(files_, folder());
  for (int repeat = 0; repeat < 2; ++repeat) {
    for (const auto& [key, value] : values_) EXPECT_EQ(second.read(key), value);
  }
  EXPECT_EQ(files_->wholes(), 5U);
  EXPECT_EQ(files_->ranges(), 5U);
  EXPECT_EQ(second.stats().probes, 5U);
  EXPECT_EQ(second.stats().hits, 10U);
  EXPECT_EQ(second.stats().written, 0U);
}

TEST_F(DiskCacheTest, DatasetsWithEqualKeysAreKeptApart) {
  const ByteVector& value = put("a", 1000, 1);
  const auto others = std::make_shared<test::VersionedFiles>();
  others->put("a", test::random_bytes(1000, 2), "\"1\"");  // of the same size and version
  Caching first(files_, folder());
  EXPECT_EQ(first.read("a"), value);
  ASSERT_TRUE(first.await_written(1));
  Caching second(others, folder(), std::nullopt, "s3://bucket/other");
  EXPECT_EQ(second.read("a"), test::random_bytes(1000, 2));
  ASSERT_TRUE(second.await_written(1));
  EXPECT_EQ(test::files_in(folder()).size(), 2U);
}

TEST_F(DiskCacheTest, AnObjectThatChangedBetweenProcessesIsReadAnew) {
  put("a", 1000, 1);
  {
    Caching first(files_, folder());
    first.read("a");
  }
  const ByteVector& changed = put("a", 1000, 2);
  Caching second(files_, folder());
  EXPECT_EQ(second.read("a", base::ByteRange{10, 20}), part_of(changed, 10, 20));
  ASSERT_TRUE(second.await_written(1));
  EXPECT_EQ(second.read("a"), changed);
  EXPECT_EQ(files_->wholes(), 2U);
  EXPECT_EQ(test::files_in(folder()).size(), 1U) << "the old file is replaced";
}

TEST_F(DiskCacheTest, AnObjectThatChangesMeanwhileIsAnErrorAndNeverMixed) {
  const ByteVector value = put("a", 200'000, 1);
  Caching caching(files_, folder());
  EXPECT_EQ(caching.read("a", base::ByteRange{0, 100}), part_of(value, 0, 100));
  ASSERT_TRUE(caching.await_written(1));
  put("a", 200'000, 2);
  EXPECT_EQ(caching.read("a", base::ByteRange{100, 200}), part_of(value, 100, 200)) << "what is on the disk stands";
  for (const auto& file : test::files_in(folder())) std::filesystem::remove(file);
  const base::Error error = test::error_of([&] { caching.read("a", base::ByteRange{200, 300}); });
  EXPECT_EQ(error.kind(), base::ErrorKind::kStorage);
  EXPECT_NE(error.cause().find("changed"), std::string::npos) << error.cause();
}

TEST_F(DiskCacheTest, ObjectsWithoutAVersionGoThrough) {
  files_->put("a", test::random_bytes(1000, 1), "");
  Caching caching(files_, folder());
  for (int repeat = 0; repeat < 3; ++repeat) {
    EXPECT_EQ(caching.read("a", base::ByteRange{5, 10}), part_of(test::random_bytes(1000, 1), 5, 10));
  }
  EXPECT_EQ(files_->wholes(), 1U) << "when nothing was known of it yet";
  EXPECT_EQ(files_->ranges(), 2U);
  EXPECT_TRUE(test::files_in(folder()).empty());
  ASSERT_TRUE(test::eventually([&] { return !caching.heard().empty(); }));
  EXPECT_NE(caching.heard().front().find("no versions"), std::string::npos) << caching.heard().front();
  EXPECT_NE(caching.heard().front().find("s3://bucket/lake"), std::string::npos) << caching.heard().front();
}

TEST_F(DiskCacheTest, AVersionThatNoHeaderCanSayIsNotKept) {
  files_->put("a", test::random_bytes(1000, 1), std::string(70'000, 'v'));
  Caching caching(files_, folder());
  EXPECT_EQ(caching.read("a"), test::random_bytes(1000, 1));
  EXPECT_EQ(caching.read("a"), test::random_bytes(1000, 1));
  EXPECT_EQ(caching.stats().damaged, 0U);
  EXPECT_TRUE(test::files_in(folder()).empty());
}

TEST_F(DiskCacheTest, AdmitsUntilItIsFullAndEvictsNothing) {
  for (unsigned i = 0; i < 10; ++i) put("k" + std::to_string(i), 10'000, i);
  Caching caching(files_, folder(), 45'000);
  for (int epoch = 0; epoch < 3; ++epoch) {
    for (const auto& [key, value] : values_) EXPECT_EQ(caching.read(key, base::ByteRange{1, 9}), part_of(value, 1, 9));
    ASSERT_TRUE(caching.await_written(4));
  }
  EXPECT_EQ(files_->wholes(), 5U) << "the fifth found out that there is no room";
  EXPECT_EQ(files_->ranges(), 5U + 6U + 6U);
  EXPECT_EQ(caching.stats().hits, 8U);
  EXPECT_GT(caching.stats().full, 0U);
  EXPECT_EQ(test::files_in(folder()).size(), 4U);
  std::uintmax_t bytes = 0;
  for (const auto& file : test::files_in(folder())) bytes += std::filesystem::file_size(file);
  EXPECT_LE(bytes, 45'000U);
}

TEST_F(DiskCacheTest, ASmallObjectStillFindsRoomWhereALargeOneDoesNot) {
  put("large", 10'000, 1);
  put("small", 100, 2);
  Caching caching(files_, folder(), 5000);
  caching.read("large");
  EXPECT_EQ(caching.read("small"), values_["small"]) << "its size is not known, so it goes through";
  EXPECT_EQ(caching.read("small"), values_["small"]);
  EXPECT_TRUE(caching.await_written(1));
  EXPECT_EQ(caching.stats().damaged, 0U);
}

TEST_F(DiskCacheTest, WhatOthersPutThereCounts) {
  put("a", 10'000, 1);
  put("b", 10'000, 2);
  Caching first(files_, folder(), 15'000);
  first.read("a");
  ASSERT_TRUE(first.await_written(1));
  Caching second(files_, folder(), 15'000);
  second.read("b");
  EXPECT_EQ(second.read("b"), values_["b"]);
  EXPECT_EQ(second.stats().written, 0U);
  EXPECT_EQ(second.read("a"), values_["a"]);
  EXPECT_EQ(second.stats().hits, 1U);
}

TEST_F(DiskCacheTest, AFolderThatCannotBeMadeIsSaidOnceAndAllGoesThrough) {
  directory_.write("cache", test::random_bytes(10, 1));  // a file in its place
  put("a", 1000, 1);
  put("b", 1000, 2);
  Caching caching(files_, folder());
  for (int repeat = 0; repeat < 2; ++repeat) {
    for (const auto& [key, value] : values_) EXPECT_EQ(caching.read(key), value);
  }
  EXPECT_EQ(files_->wholes(), 4U);
  ASSERT_EQ(caching.heard().size(), 1U);
  EXPECT_NE(caching.heard().front().find(folder()), std::string::npos);
}

TEST_F(DiskCacheTest, AWriteThatFailsIsSaidOnceAndLeavesNothing) {
  put("a", 100'000, 1);
  put("b", 100'000, 2);
  Caching caching(files_, folder());
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{50'000, before.rlim_max};  // as a disk that is full in the middle of a file
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  for (const auto& [key, value] : values_) EXPECT_EQ(caching.read(key), value);
  EXPECT_TRUE(test::eventually([&] { return caching.heard().size() == 1; }));
  EXPECT_EQ(caching.read("a"), values_["a"]);
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(caching.read("a"), values_["a"]);
  EXPECT_EQ(caching.heard().size(), 1U);
  EXPECT_EQ(caching.stats().written, 0U);
  EXPECT_TRUE(test::files_in(folder()).empty());
}

TEST_F(DiskCacheTest, FilesThatAreNotItsOwnAreLeftAlone) {
  directory_.write("cache/notes.txt", test::random_bytes(10'000, 1));
  directory_.write("cache/0123.unfinished", test::random_bytes(10'000, 1));
  const std::string name(32, 'a');
  directory_.write("cache/" + name + ".0000000000000000.unfinished", test::random_bytes(10'000, 1));
  directory_.write("cache/" + name + ".0000000000000001.unfinished", test::random_bytes(10'000, 1));
  const auto old = std::filesystem::file_time_type::clock::now() - std::chrono::hours(2);
  for (const auto& file : test::files_in(folder())) {
    if (file.filename().string().find("0000001") == std::string::npos) std::filesystem::last_write_time(file, old);
  }
  put("a", 1000, 1);
  Caching caching(files_, folder(), 5000);
  EXPECT_EQ(caching.read("a"), values_["a"]);
  ASSERT_TRUE(caching.await_written(1));
  std::vector<std::string> names;
  for (const auto& file : test::files_in(folder())) names.push_back(file.filename());
  EXPECT_EQ(names.size(), 4U) << "of the unfinished files the old one went";
  EXPECT_EQ(std::count(names.begin(), names.end(), name + ".0000000000000000.unfinished"), 0);
}

TEST_F(DiskCacheTest, WhatNobodyWantsAnyMoreIsNotAskedFor) {
  put("a", 1000, 1);
  Caching caching(files_, folder());
  const auto unwanted = test::ask(caching.store(), {"a", std::nullopt, [] { return false; }}).get();
  EXPECT_EQ(test::kind_of([&] { base::Result<Object>(unwanted.error()).take(); }), base::ErrorKind::kClosed);
  EXPECT_EQ(files_->wholes(), 0U);
  EXPECT_EQ(caching.read("a"), values_["a"]);
}

TEST_F(DiskCacheTest, OneWhoStillWaitsKeepsASharedRequestWanted) {
  put("a", 1000, 1);
  const auto faulty = std::make_shared<test::FaultyFiles>(files_);
  for (const char* key : {"blocker0", "blocker1"}) {
    put(key, 10, 9);
    faulty->hold(key);
  }
  Caching caching(faulty, folder());
  // Both threads of the inner store wait: the request for "a" is not begun before that is over.
  auto blocked0 = test::ask(caching.store(), {"blocker0"});
  auto blocked1 = test::ask(caching.store(), {"blocker1"});
  faulty->await_read("blocker0");
  faulty->await_read("blocker1");
  auto left = test::ask(caching.store(), {"a", std::nullopt, [] { return false; }});
  auto waits = test::ask(caching.store(), {"a"});
  faulty->open("blocker0");
  faulty->open("blocker1");
  EXPECT_EQ(test::copy_of(waits.get().take().bytes.view()), values_["a"]);
}

TEST_F(DiskCacheTest, AFailureIsEachOnesAnswerAndIsNotRemembered) {
  put("a", 1000, 1);
  const auto faulty = std::make_shared<test::FaultyFiles>(files_);
  faulty->fail("a", base::ErrorKind::kStorage, 1);
  Caching caching(faulty, folder());
  EXPECT_EQ(test::kind_of([&] { caching.read("a"); }), base::ErrorKind::kStorage);
  EXPECT_EQ(caching.read("a"), values_["a"]);
}

TEST_F(DiskCacheTest, RequestsAreAnsweredAtOnceWhenItStopsThoughTheInnerStoreHangs) {
  put("a", 1000, 1);
  const auto faulty = std::make_shared<test::FaultyFiles>(files_);
  faulty->hold("a");
  auto caching = std::make_shared<Caching>(faulty, folder());
  auto whole = test::ask(caching->store(), {"a"});
  auto range = test::ask(caching->store(), {"a", base::ByteRange{0, 1}});
  faulty->await_read("a");
  caching->store().begin_stop();
  for (auto* answer : {&whole, &range}) {
    ASSERT_EQ(answer->wait_for(std::chrono::seconds(5)), std::future_status::ready);
    EXPECT_EQ(test::kind_of([&] { answer->get().take(); }), base::ErrorKind::kClosed);
  }
  EXPECT_FALSE(caching->store().stop(std::chrono::steady_clock::now() + std::chrono::milliseconds(50)));
  caching->store().abandon(caching);
  const std::weak_ptr<Caching> alive = caching;
  caching.reset();
  EXPECT_FALSE(alive.expired()) << "its threads hold it";
  faulty->open("a");
  EXPECT_TRUE(test::eventually([&] { return alive.expired(); }));
}

/// Random requests of two stores on one folder, as of two processes, one of which comes and goes.
TEST_F(DiskCacheTest, RandomRequestsGiveWhatAMapGives) {
  constexpr int kRounds = 12;
  std::mt19937 random(7);
  for (unsigned i = 0; i < 12; ++i) put("folder/k" + std::to_string(i), random() % 400'000, i);
  Caching stays(files_, folder(), 1'000'000);
  for (int round = 0; round < kRounds; ++round) {
    Caching comes(files_, folder(), 1'000'000);
    if (round % 3 == 2) {
      const auto files = test::files_in(folder());
      if (!files.empty()) std::filesystem::remove(files[random() % files.size()]);
    }
    struct Asked {
      std::string key;
      std::optional<base::ByteRange> range;
      std::future<base::Result<Object>> answer;
    };
    std::vector<Asked> asked;
    for (int i = 0; i < 60; ++i) {
      Asked one{"folder/k" + std::to_string(random() % 12), std::nullopt, {}};
      if (random() % 4 != 0) {
        const std::uint64_t begin = random() % 420'000;
        one.range = base::ByteRange{begin, begin + 1 + random() % 150'000};
      }
      Caching& of = random() % 2 == 0 ? stays : comes;
      one.answer = test::ask(of.store(), {one.key, one.range});
      asked.push_back(std::move(one));
    }
    for (Asked& one : asked) {
      const Object object = one.answer.get().take();
      const ByteVector& value = values_[one.key];
      EXPECT_EQ(object.size, value.size());
      EXPECT_TRUE(test::copy_of(object.bytes.view()) ==
                  (one.range ? part_of(value, one.range->begin, one.range->end) : value));
    }
  }
  EXPECT_GT(stays.stats().hits, 0U);
  EXPECT_GT(stays.stats().full, 0U);
}

}  // namespace
}  // namespace penstock::storage
