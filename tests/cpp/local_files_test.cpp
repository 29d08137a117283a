#include "storage/local_files.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "support/bytes.h"
#include "support/expect_error.h"
#include "support/temporary_directory.h"

namespace penstock::storage {
namespace {

class LocalFilesErrors : public testing::Test {
 protected:
  base::Error error_of_read(const std::string& key) {
    return test::error_of([&] { files_.read(key, base::ByteRange{0, 1}); });
  }

  test::TemporaryDirectory directory_;
  LocalFiles files_{directory_.path()};
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

TEST_F(LocalFilesErrors, AMissingFileComesWithAHint) {
  const base::Error error = error_of_read("images/chunks/1");
  EXPECT_EQ(error.kind(), base::ErrorKind::kChunkNotFound);
  EXPECT_FALSE(error.hint().empty());
}

TEST_F(LocalFilesErrors, ADirectoryInPlaceOfAFileIsAStorageError) {
  directory_.write("images/chunks/1", test::bytes_of("x"));
  const base::Error error = error_of_read("images/chunks");
  EXPECT_EQ(error.kind(), base::ErrorKind::kStorage);
  EXPECT_NE(error.cause().find("images/chunks"), std::string::npos);
  EXPECT_NE(error.cause().find("directory"), std::string::npos) << "the system's own words: " << error.cause();
}

TEST_F(LocalFilesErrors, AFileThatMayNotBeReadIsAStorageError) {
  directory_.write("secret", test::bytes_of("x"));
  std::filesystem::permissions(directory_.path() + "/secret", std::filesystem::perms::none);
  const OrdinaryUser user;
  const base::Error error = error_of_read("secret");
  EXPECT_EQ(error.kind(), base::ErrorKind::kStorage);
  EXPECT_NE(error.cause().find("denied"), std::string::npos) << error.cause();
}

TEST_F(LocalFilesErrors, OfADirectoryThatMayNotBeSearchedNoSizeIsKnown) {
  directory_.write("closed/file", test::bytes_of("x"));
  std::filesystem::permissions(directory_.path() + "/closed", std::filesystem::perms::none);
  {
    const OrdinaryUser user;
    EXPECT_EQ(files_.known_size("closed/file"), std::nullopt);
    EXPECT_EQ(error_of_read("closed/file").kind(), base::ErrorKind::kStorage);
  }
  std::filesystem::permissions(directory_.path() + "/closed", std::filesystem::perms::owner_all);
}

TEST_F(LocalFilesErrors, ALoopOfLinksIsAStorageError) {
  std::filesystem::create_symlink("loop", directory_.path() + "/loop");
  EXPECT_EQ(error_of_read("loop").kind(), base::ErrorKind::kStorage);
}

TEST_F(LocalFilesErrors, AFailedReadLeavesNoFileOpen) {
  directory_.write("folder/short", test::bytes_of("x"));
  const auto open_files = [] {
    const std::filesystem::directory_iterator files("/proc/self/fd");
    return std::distance(begin(files), end(files));
  };
  const auto before = open_files();
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(error_of_read("folder").kind(), base::ErrorKind::kStorage);
    EXPECT_EQ(error_of_read("missing").kind(), base::ErrorKind::kChunkNotFound);
  }
  EXPECT_EQ(open_files(), before);
}

}  // namespace
}  // namespace penstock::storage
