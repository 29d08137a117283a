#include "storage/joined_store.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "storage/get_now.h"
#include "storage/memory_files.h"
#include "support/bytes.h"
#include "support/expect_error.h"
#include "support/opened.h"

namespace penstock::storage {
namespace {

class JoinedStores : public testing::Test {
 protected:
  void SetUp() override {
    first_->put("a/1", test::bytes_of("first"));
    second_->put("a/1", test::bytes_of("the second"));
    second_->put("12/1", test::bytes_of("x"));
  }

  std::string read(const std::string& key, std::optional<base::ByteRange> range = std::nullopt) {
    const Object object = get_now(store_, {key, range});
    return {reinterpret_cast<const char*>(object.bytes.data.get()), object.bytes.size};
  }

  std::shared_ptr<MemoryFiles> first_ = std::make_shared<MemoryFiles>();
  std::shared_ptr<MemoryFiles> second_ = std::make_shared<MemoryFiles>();
  JoinedStore store_{{test::opened(first_), test::opened(second_)}};
};

TEST_F(JoinedStores, TheNumberSaysWhichStoreAKeyIsOf) {
  EXPECT_EQ(store_.known_size("0/a/1"), 5U);
  EXPECT_EQ(store_.known_size("1/a/1"), 10U);
  EXPECT_EQ(read("0/a/1"), "first");
  EXPECT_EQ(read("1/a/1", base::ByteRange{4, 10}), "second");
}

TEST_F(JoinedStores, KeysMayBeginWithNumbersThemselves) { EXPECT_EQ(read("1/12/1"), "x"); }

TEST_F(JoinedStores, ErrorsAreThoseOfTheStoreAndNameItsOwnKey) {
  const base::Error error = test::error_of([&] { read("0/12/1"); });
  EXPECT_EQ(error.kind(), base::ErrorKind::kChunkNotFound);
  EXPECT_NE(error.cause().find("'12/1'"), std::string::npos) << error.cause();
}

TEST_F(JoinedStores, OtherKeysAreNoStores) {
  for (const char* key : {"", "0", "2/a/1", "-1/a/1", "a/1", "/a/1", "0a/1", "99999999999999999999999/a"}) {
    EXPECT_EQ(test::kind_of([&] { read(key); }), base::ErrorKind::kStorage) << key;
  }
}

}  // namespace
}  // namespace penstock::storage
