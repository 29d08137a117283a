// Memory that runs out on the threads of an HTTP store: every request has an answer nevertheless.
#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <memory>
#include <new>
#include <vector>

#include "storage/http/http_store.h"
#include "support/answers.h"
#include "support/bytes.h"
#include "support/failing_new.h"
#include "support/fault_server.h"
#include "support/temporary_directory.h"
#include "support/url_sources.h"

namespace penstock::storage {
namespace {

/// More than any of these runs needs.
constexpr std::size_t kMostAllocations = 2'000;

class HttpAllocation : public testing::TestWithParam<bool> {};

TEST_P(HttpAllocation, EveryRequestHasAnAnswer) {
  test::TemporaryDirectory directory;
  const test::ByteVector value = test::random_bytes(50'000, 1);
  directory.write("key", value);
  directory.write("s.json", test::bytes_of(R"({"about": "", "faults": [{"chance": 0.3, "do": {"status": 500}}]})"));
  const test::FaultServer server(directory.path(), {"--scenario", directory.path() + "/s.json"});
  std::size_t sound = 0;
  std::size_t failed = 0;
  std::size_t number = 1;
  for (bool reached = true; reached && number < kMostAllocations; ++number) {
    HttpStore store(std::make_shared<test::QueryUrls>(server.base()), {.backoff_seconds = 0.001});
    std::vector<std::future<base::Result<Object>>> answers;
    const test::FailingNew failing(test::Threads::kPool, number, GetParam());
    for (int i = 0; i < 3; ++i) answers.push_back(test::ask(store, {"key", base::ByteRange{0, 10'000}}));
    for (auto& answer : answers) {
      ASSERT_EQ(answer.wait_for(std::chrono::seconds(20)), std::future_status::ready) << "allocation " << number;
      try {
        EXPECT_EQ(test::copy_of(answer.get().take().bytes.view()),
                  test::ByteVector(value.begin(), value.begin() + 10'000));
        ++sound;
      } catch (const std::bad_alloc&) {
        ++failed;
      } catch (const base::Error&) {
        ++failed;
      }
    }
    reached = failing.reached();
  }
  EXPECT_LT(number, kMostAllocations);
  EXPECT_GT(sound, 0U);
  EXPECT_GT(failed, 20U);
}

INSTANTIATE_TEST_SUITE_P(All, HttpAllocation, testing::Bool(),
                         [](const testing::TestParamInfo<bool>& all) { return all.param ? "AllThatFollow" : "One"; });

}  // namespace
}  // namespace penstock::storage
