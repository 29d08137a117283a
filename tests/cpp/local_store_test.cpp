#include "storage/local_store.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "support/bytes.h"
#include "support/expect_error.h"
#include "support/temporary_directory.h"

namespace penstock::storage {
namespace {

class LocalStoreErrors : public testing::Test {
 protected:
  base::Error error_of_read(const std::string& key) {
    return test::error_of([&] {
      test::ByteVector out(1);
      store_.read(key, 0, out);
    });
  }

  test::TemporaryDirectory directory_;
  LocalStore store_{directory_.path()};
};

/// Gives up the rights of root for as long as it lives: root may read everything.
class OrdinaryUser {
 public:
  OrdinaryUser() : lowered_(geteuid() == 0 && seteuid(kNobody) == 0) {}
  ~OrdinaryUser() {
    if (lowered_ && seteuid(0) != 0) abort();
  }
  OrdinaryUser(const OrdinaryUser&) = delete;
  OrdinaryUser& operator=(const OrdinaryUser&) = delete;

 private:
  static constexpr uid_t kNobody = 65534;
  bool lowered_;
};

TEST_F(LocalStoreErrors, AMissingFileComesWithAHint) {
  const base::Error error = error_of_read("images/chunks/1");
  EXPECT_EQ(error.kind(), base::ErrorKind::kChunkNotFound);
  EXPECT_FALSE(error.hint().empty());
}

TEST_F(LocalStoreErrors, ADirectoryInPlaceOfAFileIsAStorageError) {
  directory_.write("images/chunks/1", test::bytes_of("x"));
  const base::Error error = error_of_read("images/chunks");
  EXPECT_EQ(error.kind(), base::ErrorKind::kStorage);
  EXPECT_NE(error.cause().find("images/chunks"), std::string::npos);
  EXPECT_NE(error.cause().find("directory"), std::string::npos) << "the system's own words: " << error.cause();
}

TEST_F(LocalStoreErrors, AFileThatMayNotBeReadIsAStorageError) {
  directory_.write("secret", test::bytes_of("x"));
  std::filesystem::permissions(directory_.path() + "/secret", std::filesystem::perms::none);
  const OrdinaryUser user;
  const base::Error error = error_of_read("secret");
  EXPECT_EQ(error.kind(), base::ErrorKind::kStorage);
  EXPECT_NE(error.cause().find("denied"), std::string::npos) << error.cause();
}

TEST_F(LocalStoreErrors, ADirectoryThatMayNotBeSearchedIsAStorageErrorForSizeToo) {
  directory_.write("closed/file", test::bytes_of("x"));
  std::filesystem::permissions(directory_.path() + "/closed", std::filesystem::perms::none);
  {
    const OrdinaryUser user;
    EXPECT_EQ(test::kind_of([&] { store_.size("closed/file"); }), base::ErrorKind::kStorage);
  }
  std::filesystem::permissions(directory_.path() + "/closed", std::filesystem::perms::owner_all);
}

TEST_F(LocalStoreErrors, ALoopOfLinksIsAStorageError) {
  std::filesystem::create_symlink("loop", directory_.path() + "/loop");
  EXPECT_EQ(error_of_read("loop").kind(), base::ErrorKind::kStorage);
}

TEST_F(LocalStoreErrors, AFailedReadLeavesNoFileOpen) {
  directory_.write("short", test::bytes_of("x"));
  const auto open_files = [] {
    const std::filesystem::directory_iterator files("/proc/self/fd");
    return std::distance(begin(files), end(files));
  };
  const auto before = open_files();
  for (int i = 0; i < 10; ++i) {
    test::ByteVector out(100);
    EXPECT_EQ(test::kind_of([&] { store_.read("short", 0, out); }), base::ErrorKind::kChunkFormat);
  }
  EXPECT_EQ(open_files(), before);
}

}  // namespace
}  // namespace penstock::storage
