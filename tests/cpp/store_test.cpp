/// One suite for every store: what storage/store.h promises.
#include "storage/store.h"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/stats.h"
#include "storage/counting_store.h"
#include "storage/get_now.h"
#include "storage/joined_store.h"
#include "storage/local_files.h"
#include "storage/memory_files.h"
#include "support/bytes.h"
#include "support/disk_caching.h"
#include "support/expect_error.h"
#include "support/opened.h"
#include "support/temporary_directory.h"
#include "support/threads.h"
#include "support/versioned_files.h"

namespace penstock::storage {
namespace {

/// A kind of store under test, and how objects get into it.
class Backend {
 public:
  virtual ~Backend() = default;
  virtual void put(const std::string& key, const test::ByteVector& value) = 0;
  virtual Store& store() = 0;
};

class MemoryBackend final : public Backend {
 public:
  void put(const std::string& key, const test::ByteVector& value) override { files_->put(key, value); }
  Store& store() override { return *store_; }

 private:
  std::shared_ptr<MemoryFiles> files_ = std::make_shared<MemoryFiles>();
  std::shared_ptr<Store> store_ = test::opened(files_);
};

class LocalBackend final : public Backend {
 public:
  void put(const std::string& key, const test::ByteVector& value) override { directory_.write(key, value); }
  Store& store() override { return *store_; }

 private:
  test::TemporaryDirectory directory_;
  std::shared_ptr<Store> store_ = test::opened(std::make_shared<LocalFiles>(directory_.path()));
};

/// The objects are those of the second store of two.
class JoinedBackend final : public Backend {
 public:
  void put(const std::string& key, const test::ByteVector& value) override { files_->put(key.substr(2), value); }
  Store& store() override { return store_; }

 private:
  std::shared_ptr<MemoryFiles> files_ = std::make_shared<MemoryFiles>();
  JoinedStore store_{{test::opened(std::make_shared<MemoryFiles>()), test::opened(files_)}};
};

class CountedBackend final : public Backend {
 public:
  void put(const std::string& key, const test::ByteVector& value) override { files_->put(key, value); }
  Store& store() override { return store_; }

 private:
  base::Stats stats_;
  std::shared_ptr<MemoryFiles> files_ = std::make_shared<MemoryFiles>();
  CountingStore store_{test::opened(files_), stats_};
};

class CachedBackend final : public Backend {
 public:
  void put(const std::string& key, const test::ByteVector& value) override { files_->put(key, value); }
  Store& store() override { return caching_.store(); }

 private:
  test::TemporaryDirectory directory_;
  std::shared_ptr<test::VersionedFiles> files_ = std::make_shared<test::VersionedFiles>();
  test::Caching caching_{files_, directory_.path()};
};

struct Kind {
  const char* name;
  std::function<std::unique_ptr<Backend>()> make;
};

class StoreConformance : public testing::TestWithParam<Kind> {
 protected:
  Store& store() { return backend_->store(); }
  /// Some stores' keys have a beginning of their own.
  std::string key(const std::string& name) const {
    return GetParam().name == std::string("Joined") ? "1/" + name : name;
  }
  void put(const std::string& name, const test::ByteVector& value) { backend_->put(key(name), value); }

  Object get(const std::string& name, std::optional<base::ByteRange> range = std::nullopt) {
    return get_now(store(), {key(name), range});
  }
  test::ByteVector read(const std::string& name, std::uint64_t begin, std::uint64_t end) {
    return test::copy_of(get(name, base::ByteRange{begin, end}).bytes.view());
  }

  std::unique_ptr<Backend> backend_ = GetParam().make();
};

TEST_P(StoreConformance, GivesBackWhatWasPut) {
  const test::ByteVector value = test::random_bytes(300'000, 1);
  put("images/chunks/7f", value);
  const Object object = get("images/chunks/7f");
  EXPECT_EQ(object.size, value.size());
  EXPECT_EQ(test::copy_of(object.bytes.view()), value);
}

TEST_P(StoreConformance, ReadsAnyRange) {
  const test::ByteVector value = test::random_bytes(1000, 2);
  put("a", value);
  for (const std::uint64_t begin : {0U, 1U, 499U, 999U}) {
    for (const std::uint64_t end : {begin + 1, std::uint64_t{1000}}) {
      const auto first = value.begin();
      EXPECT_EQ(read("a", begin, end),
                test::ByteVector(first + static_cast<std::ptrdiff_t>(begin), first + static_cast<std::ptrdiff_t>(end)));
      EXPECT_EQ(get("a", base::ByteRange{begin, end}).size, 1000U);
    }
  }
}

TEST_P(StoreConformance, HoldsEmptyObjects) {
  put("empty", {});
  EXPECT_EQ(get("empty").size, 0U);
  EXPECT_EQ(get("empty").bytes.size, 0U);
  EXPECT_EQ(read("empty", 0, 1), test::ByteVector());
}

TEST_P(StoreConformance, AMissingKeyIsNotFoundAndNamed) {
  put("images/chunks/1", test::bytes_of("x"));
  for (const std::string name : {"images/chunks/2", "boxes/chunks/1", "images/chunks/1/below"}) {
    for (const std::optional<base::ByteRange> range : {std::optional<base::ByteRange>(), {base::ByteRange{0, 1}}}) {
      const base::Error error = test::error_of([&] { get(name, range); });
      EXPECT_EQ(error.kind(), base::ErrorKind::kChunkNotFound) << name;
      EXPECT_NE(error.cause().find(name), std::string::npos) << error.cause();
    }
    EXPECT_EQ(store().known_size(key(name)), std::nullopt);
  }
}

TEST_P(StoreConformance, OfARangePastTheEndGivesWhatIsThere) {
  const test::ByteVector value = test::random_bytes(100, 3);
  put("short", value);
  EXPECT_EQ(read("short", 0, 101), value);
  EXPECT_EQ(read("short", 99, 5000), test::ByteVector(value.begin() + 99, value.end()));
  for (const std::uint64_t begin : {100U, 5000U}) {
    const Object object = get("short", base::ByteRange{begin, begin + 1});
    EXPECT_EQ(object.bytes.size, 0U);
    EXPECT_EQ(object.size, 100U);
  }
}

TEST_P(StoreConformance, AKnownSizeIsTheObjectsOwn) {
  put("a", test::random_bytes(1234, 4));
  const std::optional<std::uint64_t> size = store().known_size(key("a"));
  EXPECT_EQ(size.value_or(1234), 1234U);
}

TEST_P(StoreConformance, ManyRequestsMayBeUnderWay) {
  constexpr std::size_t kKeys = 8;
  constexpr std::size_t kRequests = 400;
  std::vector<test::ByteVector> values;
  for (unsigned i = 0; i < kKeys; ++i) {
    values.push_back(test::random_bytes(5000, i));
    put("key" + std::to_string(i), values.back());
  }
  std::atomic<std::size_t> answers{0};
  std::atomic<std::size_t> right{0};
  for (std::size_t i = 0; i < kRequests; ++i) {
    store().get({key("key" + std::to_string(i % kKeys))}, [&, i](base::Result<Object> result) {
      if (result.sound() && test::copy_of(result.value().bytes.view()) == values[i % kKeys]) ++right;
      ++answers;
    });
  }
  EXPECT_TRUE(test::eventually([&] { return answers == kRequests; }));
  EXPECT_EQ(right, kRequests);
}

TEST_P(StoreConformance, EveryRequestIsAnsweredOnceThoughTheStoreStops) {
  put("a", test::random_bytes(100'000, 5));
  std::atomic<int> answers{0};
  std::atomic<int> strange{0};
  const auto ask = [&] {
    store().get({key("a")}, [&](base::Result<Object> result) {
      try {
        result.take();
      } catch (const base::Error& error) {
        if (error.kind() != base::ErrorKind::kClosed) ++strange;
      }
      ++answers;
    });
  };
  for (int i = 0; i < 50; ++i) ask();
  store().begin_stop();
  for (int i = 0; i < 50; ++i) ask();
  EXPECT_TRUE(store().stop());
  EXPECT_TRUE(store().stop()) << "again";
  EXPECT_EQ(answers, 100);
  EXPECT_EQ(strange, 0);
}

template <class T>
Kind kind(const char* name) {
  return {name, [] { return std::unique_ptr<Backend>(std::make_unique<T>()); }};
}

INSTANTIATE_TEST_SUITE_P(All, StoreConformance,
                         testing::Values(kind<MemoryBackend>("Memory"), kind<LocalBackend>("Local"),
                                         kind<JoinedBackend>("Joined"), kind<CountedBackend>("Counted"),
                                         kind<CachedBackend>("Cached")),
                         [](const testing::TestParamInfo<Kind>& made) { return made.param.name; });

}  // namespace
}  // namespace penstock::storage
