/// One suite for every store: what storage/store.h promises.
#include "storage/store.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "storage/local_store.h"
#include "storage/memory_store.h"
#include "support/bytes.h"
#include "support/expect_error.h"
#include "support/temporary_directory.h"

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
  void put(const std::string& key, const test::ByteVector& value) override { store_.put(key, value); }
  Store& store() override { return store_; }

 private:
  MemoryStore store_;
};

class LocalBackend final : public Backend {
 public:
  void put(const std::string& key, const test::ByteVector& value) override { directory_.write(key, value); }
  Store& store() override { return store_; }

 private:
  test::TemporaryDirectory directory_;
  LocalStore store_{directory_.path()};
};

struct Kind {
  const char* name;
  std::function<std::unique_ptr<Backend>()> make;
};

class StoreConformance : public testing::TestWithParam<Kind> {
 protected:
  Store& store() { return backend_->store(); }

  test::ByteVector read(const std::string& key, std::uint64_t offset, std::size_t count) {
    test::ByteVector out(count);
    store().read(key, offset, out);
    return out;
  }

  std::unique_ptr<Backend> backend_ = GetParam().make();
};

TEST_P(StoreConformance, GivesBackWhatWasPut) {
  const test::ByteVector value = test::random_bytes(300'000, 1);
  backend_->put("images/chunks/7f", value);
  EXPECT_EQ(store().size("images/chunks/7f"), value.size());
  EXPECT_EQ(read("images/chunks/7f", 0, value.size()), value);
}

TEST_P(StoreConformance, ReadsAnyRange) {
  const test::ByteVector value = test::random_bytes(1000, 2);
  backend_->put("a", value);
  for (const std::size_t offset : {0U, 1U, 499U, 999U}) {
    for (const std::size_t count : {std::size_t{0}, std::size_t{1}, 1000 - offset}) {
      const auto begin = value.begin() + static_cast<std::ptrdiff_t>(offset);
      EXPECT_EQ(read("a", offset, count), test::ByteVector(begin, begin + static_cast<std::ptrdiff_t>(count)));
    }
  }
  EXPECT_EQ(read("a", 1000, 0), test::ByteVector());
}

TEST_P(StoreConformance, HoldsEmptyObjects) {
  backend_->put("empty", {});
  EXPECT_EQ(store().size("empty"), 0U);
  EXPECT_EQ(read("empty", 0, 0), test::ByteVector());
  EXPECT_EQ(test::kind_of([&] { read("empty", 0, 1); }), base::ErrorKind::kChunkFormat);
}

TEST_P(StoreConformance, AMissingKeyIsNotFoundAndNamed) {
  backend_->put("images/chunks/1", test::bytes_of("x"));
  for (const std::string key : {"images/chunks/2", "boxes/chunks/1", "images/chunks/1/below"}) {
    const base::Error of_size = test::error_of([&] { store().size(key); });
    const base::Error of_read = test::error_of([&] { read(key, 0, 1); });
    EXPECT_EQ(of_size.kind(), base::ErrorKind::kChunkNotFound) << key;
    EXPECT_EQ(of_read.kind(), base::ErrorKind::kChunkNotFound) << key;
    EXPECT_NE(of_read.cause().find(key), std::string::npos) << of_read.cause();
  }
}

TEST_P(StoreConformance, ReadingPastTheEndIsAnEarlyEnd) {
  backend_->put("short", test::random_bytes(100, 3));
  for (const auto& [offset, count] : {std::pair<std::uint64_t, std::size_t>{0, 101}, {99, 2}, {100, 1}, {5000, 1}}) {
    const base::Error error = test::error_of([&] { read("short", offset, count); });
    EXPECT_EQ(error.kind(), base::ErrorKind::kChunkFormat) << offset << " + " << count;
    EXPECT_NE(error.cause().find("short"), std::string::npos);
  }
}

TEST_P(StoreConformance, ManyThreadsMayReadAtOnce) {
  constexpr int kThreads = 8;
  std::vector<test::ByteVector> values;
  for (unsigned i = 0; i < kThreads; ++i) {
    values.push_back(test::random_bytes(5000, i));
    backend_->put("key" + std::to_string(i), values.back());
  }
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      for (std::size_t round = 0; round < 50; ++round) {
        const std::size_t which = (i + round) % kThreads;
        EXPECT_EQ(read("key" + std::to_string(which), 0, 5000), values[which]);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

INSTANTIATE_TEST_SUITE_P(
    All, StoreConformance,
    testing::Values(Kind{"Memory", [] { return std::unique_ptr<Backend>(std::make_unique<MemoryBackend>()); }},
                    Kind{"Local", [] { return std::unique_ptr<Backend>(std::make_unique<LocalBackend>()); }}),
    [](const testing::TestParamInfo<Kind>& kind) { return kind.param.name; });

}  // namespace
}  // namespace penstock::storage
