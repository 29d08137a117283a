/// What storage/store.h promises, of objects that come by HTTP.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "storage/http/http_store.h"
#include "support/answers.h"
#include "support/bytes.h"
#include "support/expect_error.h"
#include "support/fault_server.h"
#include "support/temporary_directory.h"
#include "support/url_sources.h"

namespace penstock::storage {
namespace {

class HttpConformance : public testing::Test {
 protected:
  test::ByteVector bytes(const std::string& key, std::optional<base::ByteRange> range = std::nullopt) {
    return test::copy_of(test::read(store_, key, range).bytes.view());
  }

  test::TemporaryDirectory directory_;
  test::FaultServer server_{directory_.path(), {}};
  HttpStore store_{std::make_shared<test::QueryUrls>(server_.base()), HttpOptions{}};
};

TEST_F(HttpConformance, GivesBackWhatWasPut) {
  const test::ByteVector value = test::random_bytes(300'000, 1);
  directory_.write("images/chunks/7f", value);
  const Object object = test::read(store_, "images/chunks/7f");
  EXPECT_EQ(test::copy_of(object.bytes.view()), value);
  EXPECT_EQ(object.size, value.size());
  EXPECT_FALSE(object.version.empty());
  EXPECT_EQ(test::read(store_, "images/chunks/7f", base::ByteRange{5, 6}).version, object.version);
}

TEST_F(HttpConformance, ReadsAnyRange) {
  const test::ByteVector value = test::random_bytes(1000, 2);
  directory_.write("a", value);
  for (const std::size_t begin : {0U, 1U, 499U, 999U, 1000U, 5000U}) {
    for (const std::size_t count : {1U, 2U, 501U, 1000U, 100'000U}) {
      const std::size_t first = std::min<std::size_t>(begin, 1000);
      const std::size_t last = std::min<std::size_t>(begin + count, 1000);
      const Object object = test::read(store_, "a", base::ByteRange{begin, begin + count});
      EXPECT_TRUE(std::ranges::equal(object.bytes.view(), base::Bytes(value).subspan(first, last - first)));
      EXPECT_EQ(object.size, 1000U);
    }
  }
  EXPECT_TRUE(bytes("a", base::ByteRange{1000, UINT64_MAX}).empty());
  EXPECT_EQ(bytes("a", base::ByteRange{0, UINT64_MAX}), value);
}

TEST_F(HttpConformance, HoldsEmptyObjects) {
  directory_.write("empty", {});
  EXPECT_TRUE(bytes("empty").empty());
  EXPECT_TRUE(bytes("empty", base::ByteRange{0, 1}).empty());
  EXPECT_EQ(store_.known_size("empty"), 0U);
}

TEST_F(HttpConformance, AMissingKeyIsNotFoundAndNamed) {
  directory_.write("images/chunks/1", test::bytes_of("x"));
  for (const std::string key : {"images/chunks/2", "boxes/chunks/1", "images/chunks/1/below"}) {
    for (const std::optional<base::ByteRange> range : {std::optional<base::ByteRange>(), {base::ByteRange{0, 1}}}) {
      const base::Error error = test::error_of([&] { bytes(key, range); });
      EXPECT_EQ(error.kind(), base::ErrorKind::kChunkNotFound) << key;
      EXPECT_NE(error.cause().find(key), std::string::npos) << error.cause();
    }
  }
}

TEST_F(HttpConformance, ManyThreadsMayReadAtOnce) {
  constexpr std::size_t kThreads = 8;
  std::vector<test::ByteVector> values;
  for (unsigned i = 0; i < kThreads; ++i) {
    values.push_back(test::random_bytes(5000, i));
    directory_.write("key" + std::to_string(i), values.back());
  }
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      for (std::size_t round = 0; round < 50; ++round) {
        const std::size_t which = (i + round) % kThreads;
        EXPECT_EQ(bytes("key" + std::to_string(which)), values[which]);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace penstock::storage
