/// What an HTTP store promises beside right answers: closing, sharing, counting, not waiting for the slowest.
#include "storage/http/http_store.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "support/answers.h"
#include "support/bytes.h"
#include "support/expect_error.h"
#include "support/fault_server.h"
#include "support/temporary_directory.h"
#include "support/threads.h"
#include "support/url_sources.h"

namespace penstock::storage {
namespace {

using base::ErrorKind;
using test::ask;
using Clock = std::chrono::steady_clock;

class HttpStoreTest : public testing::Test {
 protected:
  HttpStoreTest() {
    for (int i = 0; i < 16; ++i) {
      values_.push_back(test::random_bytes(100'000, static_cast<unsigned>(i)));
      directory_.write("key" + std::to_string(i), values_.back());
    }
  }

  static std::string key(std::size_t i) { return "key" + std::to_string(i % 16); }

  std::unique_ptr<HttpStore> open(const test::FaultServer& server, const HttpOptions& options = {}) {
    urls_ = std::make_shared<test::QueryUrls>(server.base(), valid_for_);
    return std::make_unique<HttpStore>(urls_, options);
  }

  double valid_for_ = std::numeric_limits<double>::infinity();
  test::TemporaryDirectory directory_;
  std::vector<test::ByteVector> values_;
  std::shared_ptr<test::QueryUrls> urls_;
};

TEST_F(HttpStoreTest, GivesManyAnswersAtOnceOverFewConnections) {
  const test::FaultServer server(directory_.path(), {});
  const auto store = open(server, {.connections = 4, .hedge = false});
  EXPECT_FALSE(store->known_size("key0"));
  std::vector<std::future<base::Result<Object>>> answers;
  for (std::size_t i = 0; i < 400; ++i) answers.push_back(ask(*store, {key(i), base::ByteRange{i, 50'000 + i}}));
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const Object object = answers[i].get().take();
    const auto begin = values_[i % 16].begin() + static_cast<std::ptrdiff_t>(i);
    ASSERT_EQ(test::copy_of(object.bytes.view()), test::ByteVector(begin, begin + 50'000));
    EXPECT_FALSE(object.version.empty());
  }
  const HttpStats& stats = store->stats();
  EXPECT_EQ(stats.answers, 400U);
  EXPECT_EQ(stats.bytes, 400U * 50'000U);
  EXPECT_LE(stats.most_in_flight, 4U);
  EXPECT_LE(stats.connections_opened, 4U);
  EXPECT_GT(stats.first_byte_ns, 0U);
  EXPECT_EQ(stats.retries, 0U);
  EXPECT_EQ(store->known_size("key0"), 100'000U);
}

TEST_F(HttpStoreTest, KeysThatWaitAreSignedTogetherAndOnce) {
  const test::FaultServer server(directory_.path(), {"--latency", "0.05"});
  const auto store = open(server);
  std::vector<std::future<base::Result<Object>>> answers;
  for (int round = 0; round < 4; ++round) {
    for (std::size_t i = 0; i < 16; ++i) answers.push_back(ask(*store, {key(i), base::ByteRange{0, 10}}));
  }
  for (auto& answer : answers) answer.get().take();
  EXPECT_LE(urls_->calls, 4);
  EXPECT_EQ(store->stats().urls_signed, 16U);
}

TEST_F(HttpStoreTest, UrlsAreAskedForAnewBeforeTheyExpire) {
  const test::FaultServer server(directory_.path(), {});
  valid_for_ = 0.5;
  const auto store = open(server);
  test::read(*store, "key0");
  test::read(*store, "key0");
  EXPECT_EQ(urls_->calls, 1);
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  test::read(*store, "key0");
  EXPECT_EQ(urls_->calls, 2);
  EXPECT_EQ(urls_->generation, 0);
}

TEST_F(HttpStoreTest, ManyRefusalsAreOneRenewal) {
  test::TemporaryDirectory scenarios;
  scenarios.write("s.json",
                  test::bytes_of(R"({"about": "", "faults": [{"query": "SECRET-0", "do": {"status": 403}}]})"));
  const test::FaultServer server(directory_.path(), {"--scenario", scenarios.path() + "/s.json"});
  const auto store = open(server);
  std::vector<std::future<base::Result<Object>>> answers;
  for (std::size_t i = 0; i < 64; ++i) answers.push_back(ask(*store, {key(i)}));
  for (auto& answer : answers) EXPECT_EQ(answer.get().take().size, 100'000U);
  EXPECT_EQ(urls_->generation, 1);
}

TEST_F(HttpStoreTest, WhatTheSignerThrowsIsTheAnswer) {
  class Failing final : public UrlSource {
   public:
    std::vector<SignedUrl> sign(std::span<const std::string> keys, bool) override {
      if (keys.size() == 1 && keys[0] == "short") return {};
      throw base::Error(ErrorKind::kAccessDenied, "no credentials", "Log in");
    }
  };
  HttpStore store(std::make_shared<Failing>(), {});
  const base::Error error = test::error_of([&] { test::read(store, "a"); });
  EXPECT_EQ(error.kind(), ErrorKind::kAccessDenied);
  EXPECT_EQ(error.hint(), "Log in");
  EXPECT_EQ(test::kind_of([&] { test::read(store, "short"); }), ErrorKind::kStorage);
}

/// Seconds from begin_stop() until all have their answer.
double close_time(HttpStore& store, std::vector<std::future<base::Result<Object>>>& answers) {
  const auto start = Clock::now();
  store.begin_stop();
  for (auto& answer : answers) EXPECT_EQ(test::kind_of([&] { answer.get().take(); }), ErrorKind::kClosed);
  return std::chrono::duration<double>(Clock::now() - start).count();
}

TEST_F(HttpStoreTest, ClosesAtOnceWhileEveryRequestStalls) {
  test::TemporaryDirectory scenarios;
  scenarios.write("s.json", test::bytes_of(R"({"about": "", "faults": [{"do": {"stall": 100}}]})"));
  const test::FaultServer server(directory_.path(), {"--scenario", scenarios.path() + "/s.json"});
  const auto store = open(server);
  std::vector<std::future<base::Result<Object>>> answers;
  for (std::size_t i = 0; i < 100; ++i) answers.push_back(ask(*store, {key(i)}));
  ASSERT_TRUE(test::eventually([&] { return store->stats().in_flight == 8; }));
  EXPECT_LT(close_time(*store, answers), 0.1);
  EXPECT_TRUE(store->stop(Clock::now() + std::chrono::seconds(1)));
  EXPECT_EQ(test::kind_of([&] { test::read(*store, "key0"); }), ErrorKind::kClosed);
  EXPECT_TRUE(store->stop());
}

TEST_F(HttpStoreTest, ClosesAtOnceWhileNobodyAnswersAConnection) {
  // Packets to this network (RFC 5737) go nowhere, or are refused at once where there is no route.
  HttpStore store(std::make_shared<test::QueryUrls>("http://192.0.2.1/"), {});
  std::vector<std::future<base::Result<Object>>> answers;
  for (std::size_t i = 0; i < 100; ++i) answers.push_back(ask(store, {key(i)}));
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_LT(close_time(store, answers), 0.1);
  EXPECT_TRUE(store.stop(Clock::now() + std::chrono::seconds(1)));
}

TEST_F(HttpStoreTest, ClosesAtOnceWhileTheSignerHangs) {
  struct Hanging final : UrlSource {
    std::vector<SignedUrl> sign(std::span<const std::string>, bool) override {
      entered.set_value();
      released.get_future().wait();
      return {};
    }
    std::promise<void> entered;
    std::promise<void> released;
  };
  const auto urls = std::make_shared<Hanging>();
  auto store = std::make_shared<HttpStore>(urls, HttpOptions{});
  std::vector<std::future<base::Result<Object>>> answers;
  for (std::size_t i = 0; i < 100; ++i) answers.push_back(ask(*store, {key(i)}));
  urls->entered.get_future().wait();
  EXPECT_LT(close_time(*store, answers), 0.1);
  EXPECT_FALSE(store->stop(Clock::now() + std::chrono::milliseconds(50)));
  const std::weak_ptr<HttpStore> weak = store;
  store->abandon(store);
  store.reset();
  EXPECT_FALSE(weak.expired());
  urls->released.set_value();
  EXPECT_TRUE(test::eventually([&] { return weak.expired(); }));
}

TEST_F(HttpStoreTest, ASignerThatHangsEndsInATimeout) {
  struct Hanging final : UrlSource {
    std::vector<SignedUrl> sign(std::span<const std::string>, bool) override {
      released.get_future().wait();
      return {};
    }
    std::promise<void> released;
  };
  const auto urls = std::make_shared<Hanging>();
  HttpStore store(urls, {.deadline_seconds = 0.2});
  const base::Error error = test::error_of([&] { test::read(store, "a"); });
  EXPECT_EQ(error.kind(), ErrorKind::kStorageTimeout);
  EXPECT_NE(error.cause().find("no URL"), std::string::npos) << error.cause();
  urls->released.set_value();
}

TEST_F(HttpStoreTest, TheSlowestAreAskedForTwice) {
  test::TemporaryDirectory scenarios;
  scenarios.write("s.json",
                  test::bytes_of(R"({"about": "", "faults": [{"after": 60, "times": 1, "do": {"delay": 5}}]})"));
  const test::FaultServer server(directory_.path(), {"--scenario", scenarios.path() + "/s.json"});
  const auto store = open(server);
  const auto start = Clock::now();
  for (std::size_t i = 0; i < 100; ++i) test::read(*store, key(i), base::ByteRange{0, 1000});
  EXPECT_LT(Clock::now() - start, std::chrono::seconds(4));
  EXPECT_GE(store->stats().hedges, 1U);
  EXPECT_GE(store->stats().hedges_won, 1U);
  EXPECT_LE(store->stats().hedges, 7U);
}

TEST_F(HttpStoreTest, NothingIsAskedForTwiceWhereThatIsUnwanted) {
  test::TemporaryDirectory scenarios;
  scenarios.write("s.json",
                  test::bytes_of(R"({"about": "", "faults": [{"after": 60, "times": 1, "do": {"delay": 1}}]})"));
  const test::FaultServer server(directory_.path(), {"--scenario", scenarios.path() + "/s.json"});
  const auto store = open(server, {.hedge = false});
  for (std::size_t i = 0; i < 100; ++i) test::read(*store, key(i), base::ByteRange{0, 1000});
  EXPECT_EQ(store->stats().requests, 100U);
  EXPECT_EQ(store->stats().hedges, 0U);
}

TEST_F(HttpStoreTest, RetriesAreCountedAndReportedOnce) {
  test::TemporaryDirectory scenarios;
  scenarios.write("s.json", test::bytes_of(R"({"about": "", "faults": [{"times": 7, "do": {"status": 500}},
                                               {"times": 2, "do": {"status": 429}}, {"times": 3, "do": {"reset": 10}}]})"));
  const test::FaultServer server(directory_.path(), {"--scenario", scenarios.path() + "/s.json"});
  std::atomic<int> reports{0};
  std::promise<std::string> report;
  HttpStore store(std::make_shared<test::QueryUrls>(server.base()),
                  {.attempts = 20, .backoff_seconds = 0.01, .backoff_cap_seconds = 0.02, .hedge = false},
                  [&](const std::string& text) {
                    if (++reports == 1) report.set_value(text);
                  });
  test::read(store, "key0");
  const std::string text = report.get_future().get();
  EXPECT_NE(text.find("500"), std::string::npos) << text;
  EXPECT_EQ(text.find("SECRET"), std::string::npos) << text;
  test::read(store, "key1");
  EXPECT_EQ(reports, 1);
  EXPECT_EQ(store.stats().retries, 12U);
  EXPECT_EQ(store.stats().retries_server, 7U);
  EXPECT_EQ(store.stats().retries_throttled, 2U);
  EXPECT_EQ(store.stats().retries_reset, 3U);
}

TEST_F(HttpStoreTest, AnswersMayAskForMore) {
  const test::FaultServer server(directory_.path(), {});
  const auto store = open(server);
  std::promise<int> done;
  std::function<void(int)> next = [&](int i) {
    store->get({key(static_cast<std::size_t>(i)), std::nullopt}, [&, i](const base::Result<Object>& result) {
      if (!result.sound() || i == 50) {
        done.set_value(i);
      } else {
        next(i + 1);
      }
    });
  };
  next(0);
  EXPECT_EQ(done.get_future().get(), 50);
}

TEST_F(HttpStoreTest, LearnsWhatARequestIsWorth) {
  const test::FaultServer server(directory_.path(), {"--latency", "0.03", "--connection-rate", "10000000"});
  const auto store = open(server);
  EXPECT_EQ(store->bytes_worth_a_request(), 1U << 20);
  for (std::size_t i = 0; i < 12; ++i) test::read(*store, key(i));
  EXPECT_GT(store->bytes_worth_a_request(), 100'000U);
  EXPECT_LT(store->bytes_worth_a_request(), 1'000'000U);
}

TEST_F(HttpStoreTest, AForkedChildLeavesItAlone) {
  const test::FaultServer server(directory_.path(), {});
  auto store = open(server);
  test::read(*store, "key0");
  const pid_t child = fork();
  if (child == 0) {
    bool closed = false;
    store->get({"key0", std::nullopt}, [&](const base::Result<Object>& result) { closed = !result.sound(); });
    store->begin_stop();
    const bool stopped = store->stop();
    store.reset();
    _exit(closed && stopped ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_EQ(test::read(*store, "key1").size, 100'000U);
}

TEST_F(HttpStoreTest, ManyStoresComeAndGo) {
  const test::FaultServer server(directory_.path(), {});
  for (std::size_t i = 0; i < 30; ++i) {
    const auto store = open(server);
    std::vector<std::future<base::Result<Object>>> answers;
    for (std::size_t j = 0; j < i; ++j) answers.push_back(ask(*store, {key(j)}));
    if (i % 2 == 0 && !answers.empty()) answers[0].get().take();
  }
}

TEST_F(HttpStoreTest, ThreadsHaveNames) {
  HttpStore store(std::make_shared<test::QueryUrls>("http://127.0.0.1:1/"), {});
  const auto names = test::thread_names();
  EXPECT_NE(std::ranges::find(names, "penstock-net-0"), names.end());
  EXPECT_NE(std::ranges::find(names, "penstock-sign-0"), names.end());
}

}  // namespace
}  // namespace penstock::storage
