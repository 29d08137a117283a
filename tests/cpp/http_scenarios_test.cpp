/// Every scenario of tests/data/faults: the right bytes, or the one error, in time.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>
#include <string>
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

using base::ErrorKind;

const std::map<std::string, ErrorKind> kKinds = {
    {"StorageError", ErrorKind::kStorage},           {"ChunkNotFoundError", ErrorKind::kChunkNotFound},
    {"AccessDeniedError", ErrorKind::kAccessDenied}, {"HostNotFoundError", ErrorKind::kHostNotFound},
    {"CertificateError", ErrorKind::kCertificate},   {"StorageTimeoutError", ErrorKind::kStorageTimeout},
    {"UnsupportedError", ErrorKind::kUnsupported}};

std::vector<std::string> scenarios() {
  std::vector<std::string> names;
  for (const auto& file : std::filesystem::directory_iterator(PENSTOCK_TESTS_DIRECTORY "/data/faults")) {
    names.push_back(file.path().stem());
  }
  std::ranges::sort(names);
  return names;
}

HttpOptions options_of(const test::FaultServer& server) {
  HttpOptions options;
  options.ca_file = server.certificate();
  for (const auto& [name, value] : server.options()) {
    if (name == "attempts") {
      options.attempts = static_cast<unsigned>(std::stoul(value));
    } else if (name == "deadline_seconds") {
      options.deadline_seconds = std::stod(value);
    } else if (name == "backoff_seconds") {
      options.backoff_seconds = std::stod(value);
    } else if (name == "stall_seconds") {
      options.stall_seconds = std::stod(value);
    } else if (name == "verify") {
      options.verify = value != "0";
    } else if (name == "ca_file") {
      options.ca_file = value;
    } else {
      ADD_FAILURE() << "unknown option " << name;
    }
  }
  return options;
}

class FaultScenario : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    put("object", 300'000, 1);
    put("large", 4'000'000, 2);
    put("empty", 0, 3);
  }

  void check(const test::FaultAsk& ask, base::Result<Object> result) const {
    if (ask.expect == "data") {
      check_data(ask, std::move(result));
      return;
    }
    const base::Error error = test::error_of([&] { result.take(); });
    EXPECT_EQ(error.kind(), kKinds.at(ask.expect)) << error.cause();
    EXPECT_NE(error.cause().find(ask.says), std::string::npos) << error.cause();
    EXPECT_NE(error.cause().find(ask.key), std::string::npos) << error.cause();
    EXPECT_FALSE(error.hint().empty()) << error.cause();
    for (const std::string& text : {error.cause(), error.hint()})
      EXPECT_EQ(text.find("SECRET"), std::string::npos) << text;
  }

 private:
  void put(const std::string& key, std::size_t size, unsigned seed) {
    values_[key] = test::random_bytes(size, seed);
    directory_.write(key, values_[key]);
  }

  void check_data(const test::FaultAsk& ask, base::Result<Object> result) const {
    try {
      const Object object = result.take();
      const test::ByteVector& value = values_.at(ask.key);
      const base::ByteRange range = ask.range.value_or(base::ByteRange{0, value.size()});
      const std::size_t begin = std::min<std::size_t>(range.begin, value.size());
      const std::size_t end = std::min<std::size_t>(range.end, value.size());
      EXPECT_TRUE(std::ranges::equal(object.bytes.view(), base::Bytes(value).subspan(begin, end - begin)));
      EXPECT_EQ(object.size, value.size());
    } catch (const base::Error& error) {
      FAIL() << ask.key << ": " << error.cause();
    }
  }

 protected:
  test::TemporaryDirectory directory_;

 private:
  std::map<std::string, test::ByteVector> values_;
};

TEST_P(FaultScenario, EndsInTheRightBytesOrTheOneError) {
  const test::FaultServer server(directory_.path(), test::FaultServer::scenario(GetParam()));
  const auto start = std::chrono::steady_clock::now();
  HttpStore store(std::make_shared<test::QueryUrls>(server.base()), options_of(server));
  for (const test::FaultAsk& ask : server.asks()) check(ask, test::ask(store, {ask.key, ask.range}).get());
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  EXPECT_LT(took.count(), server.within());
  EXPECT_LE(store.stats().requests, server.most_requests().value_or(1000));
  EXPECT_EQ(store.stats().in_flight, 0U);
}

INSTANTIATE_TEST_SUITE_P(All, FaultScenario, testing::ValuesIn(scenarios()),
                         [](const testing::TestParamInfo<std::string>& name) { return name.param; });

}  // namespace
}  // namespace penstock::storage
