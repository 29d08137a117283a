#include "storage/joined_store.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "storage/memory_store.h"
#include "support/bytes.h"
#include "support/expect_error.h"

namespace penstock::storage {
namespace {

class JoinedStores : public testing::Test {
 protected:
  void SetUp() override {
    first_->put("a/1", test::bytes_of("first"));
    second_->put("a/1", test::bytes_of("the second"));
    second_->put("12/1", test::bytes_of("x"));
  }

  std::string read(const std::string& key, std::uint64_t offset, std::size_t length) {
    test::ByteVector out(length);
    store_.read(key, offset, out);
    return {reinterpret_cast<const char*>(out.data()), out.size()};
  }

  std::shared_ptr<MemoryStore> first_ = std::make_shared<MemoryStore>();
  std::shared_ptr<MemoryStore> second_ = std::make_shared<MemoryStore>();
  JoinedStore store_{{first_, second_}};
};

TEST_F(JoinedStores, TheNumberSaysWhichStoreAKeyIsOf) {
  EXPECT_EQ(store_.size("0/a/1"), 5U);
  EXPECT_EQ(store_.size("1/a/1"), 10U);
  EXPECT_EQ(read("0/a/1", 0, 5), "first");
  EXPECT_EQ(read("1/a/1", 4, 6), "second");
}

TEST_F(JoinedStores, KeysMayBeginWithNumbersThemselves) { EXPECT_EQ(store_.size("1/12/1"), 1U); }

TEST_F(JoinedStores, ErrorsAreThoseOfTheStoreAndNameItsOwnKey) {
  const base::Error error = test::error_of([&] { store_.size("0/12/1"); });
  EXPECT_EQ(error.kind(), base::ErrorKind::kChunkNotFound);
  EXPECT_NE(error.cause().find("'12/1'"), std::string::npos) << error.cause();
  EXPECT_EQ(test::kind_of([&] { read("1/a/1", 8, 3); }), base::ErrorKind::kChunkFormat);
}

TEST_F(JoinedStores, OtherKeysAreNoStores) {
  for (const char* key : {"", "0", "2/a/1", "-1/a/1", "a/1", "/a/1", "0a/1", "99999999999999999999999/a"}) {
    EXPECT_EQ(test::kind_of([&] { store_.size(key); }), base::ErrorKind::kStorage) << key;
  }
}

}  // namespace
}  // namespace penstock::storage
