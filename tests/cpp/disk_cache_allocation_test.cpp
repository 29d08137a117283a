// Memory that runs out within a disk cache: of a program that replaces `operator new`.
#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <new>
#include <string>
#include <tuple>

#include "base/error.h"
#include "support/disk_caching.h"
#include "support/failing_new.h"
#include "support/versioned_files.h"

namespace penstock::storage {
namespace {

using test::FailingNew;
using test::Threads;

/// More than any of these runs needs.
constexpr std::size_t kMostAllocations = 2000;

class DiskCacheAllocations : public testing::TestWithParam<std::tuple<Threads, bool>> {
 protected:
  /// True where the right bytes came, false where an error came for want of memory. Something comes in any case.
  bool comes(Store& store, std::optional<base::ByteRange> range) {
    auto promise = std::make_shared<std::promise<base::Result<Object>>>();
    auto answer = promise->get_future();
    Request request{std::string(100, 'k'), range};
    Done done = [promise](base::Result<Object> result) { promise->set_value(std::move(result)); };
    {
      const FailingNew::Here here;
      store.get(std::move(request), std::move(done));
    }
    if (answer.wait_for(std::chrono::seconds(20)) != std::future_status::ready) {
      ADD_FAILURE() << "no answer";
      return false;
    }
    base::Result<Object> result = answer.get();
    try {
      const test::ByteVector bytes = test::copy_of(result.take().bytes.view());
      const auto begin = value_.begin() + static_cast<std::ptrdiff_t>(range ? range->begin : 0);
      EXPECT_TRUE(bytes ==
                  test::ByteVector(begin, range ? begin + static_cast<std::ptrdiff_t>(range->size()) : value_.end()));
      return true;
    } catch (const std::bad_alloc&) {
    } catch (const base::Error& error) {
      EXPECT_EQ(error.kind(), base::ErrorKind::kClosed) << error.cause();
    }
    return false;
  }

  const test::ByteVector value_ = test::random_bytes(150'000, 1);
};

TEST_P(DiskCacheAllocations, EachThatFailsEndsInAnErrorOrIsDoneWithout) {
  const auto [threads, for_good] = GetParam();
  const auto files = std::make_shared<test::VersionedFiles>();
  files->put(std::string(100, 'k'), value_);
  std::size_t errors = 0;
  std::size_t number = 1;
  for (bool reached = true; reached && number < kMostAllocations; ++number) {
    const test::TemporaryDirectory folder;
    {
      test::Caching caching(files, folder.path());
      const FailingNew failing(threads, number, for_good);
      errors += comes(caching.store(), base::ByteRange{70'000, 70'010}) ? 0 : 1;
      errors += comes(caching.store(), std::nullopt) ? 0 : 1;
      test::eventually([&] { return caching.store().known_size(std::string(100, 'k')).has_value() || errors > 0; });
      errors += comes(caching.store(), base::ByteRange{1, 2}) ? 0 : 1;
      reached = failing.reached();
    }
    test::Caching again(files, folder.path());
    {
      const FailingNew failing(threads, number, for_good);
      errors += comes(again.store(), base::ByteRange{100'000, 149'000}) ? 0 : 1;
      errors += comes(again.store(), std::nullopt) ? 0 : 1;
      reached = reached || failing.reached();
    }
    EXPECT_TRUE(comes(again.store(), std::nullopt)) << "there is memory again";
  }
  EXPECT_LT(number, kMostAllocations);
  EXPECT_GT(number, 3U);
  EXPECT_GT(errors, number / 4) << "of " << number;
}

INSTANTIATE_TEST_SUITE_P(All, DiskCacheAllocations,
                         testing::Combine(testing::Values(Threads::kPool, Threads::kConsumer), testing::Bool()));

}  // namespace
}  // namespace penstock::storage
