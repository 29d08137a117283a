// Whatever is in a file of the disk cache, the right data come.
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>

#include "support/disk_caching.h"
#include "support/versioned_files.h"

namespace penstock::storage {
namespace {

using test::ByteVector;
using test::Caching;

class DiskCacheDamage : public testing::Test {
 protected:
  void SetUp() override {
    files_->put("key", value_);
    Caching(files_, folder_.path()).read("key");
    const auto files = test::files_in(folder_.path());
    ASSERT_EQ(files.size(), 1U);
    path_ = files.front();
    sound_ = test::bytes_of_file(path_);
  }

  /// Reads through a store of its own what another process has damaged; how often it found damage.
  std::uint64_t read_damaged(const ByteVector& bytes) {
    test::write_file(path_, bytes);
    Caching caching(files_, folder_.path());
    EXPECT_TRUE(caching.read("key", base::ByteRange{3, 20}) == ByteVector(value_.begin() + 3, value_.begin() + 20));
    EXPECT_TRUE(caching.read("key") == value_);
    return caching.stats().damaged;
  }

  test::TemporaryDirectory folder_;
  std::shared_ptr<test::VersionedFiles> files_ = std::make_shared<test::VersionedFiles>();
  ByteVector value_ = test::random_bytes(100, 1);
  std::filesystem::path path_;
  ByteVector sound_;
};

TEST_F(DiskCacheDamage, EachByteThatIsFlippedIsSeen) {
  for (std::size_t i = 0; i < sound_.size(); ++i) {
    ByteVector bytes = sound_;
    bytes[i] ^= std::byte{1} << (i % 8);
    EXPECT_EQ(read_damaged(bytes), 1U) << "byte " << i << " of " << sound_.size();
    EXPECT_TRUE(test::bytes_of_file(path_) == sound_) << "it is replaced";
  }
}

TEST_F(DiskCacheDamage, EachLengthButItsOwnIsSeen) {
  for (std::size_t length = 0; length < sound_.size() + 3; ++length) {
    ByteVector bytes = sound_;
    bytes.resize(length);
    EXPECT_EQ(read_damaged(bytes), length == sound_.size() ? 0U : 1U) << length;
    EXPECT_TRUE(test::bytes_of_file(path_) == sound_) << "it is replaced";
  }
}

TEST_F(DiskCacheDamage, DamageBetweenTwoReadsIsSeen) {
  const ByteVector value = test::random_bytes(200'000, 2);
  files_->put("long", value);
  Caching caching(files_, folder_.path());
  ASSERT_TRUE(caching.read("long") == value);
  ASSERT_TRUE(caching.await_written(1));
  for (const auto& file : test::files_in(folder_.path())) {
    if (file == path_) continue;
    ByteVector bytes = test::bytes_of_file(file);
    bytes[bytes.size() - 1] ^= std::byte{4};
    test::write_file(file, bytes);
  }
  EXPECT_TRUE(caching.read("long", base::ByteRange{0, 10}) == ByteVector(value.begin(), value.begin() + 10));
  EXPECT_EQ(caching.stats().damaged, 0U) << "its block is sound";
  EXPECT_TRUE(caching.read("long") == value);
  EXPECT_EQ(caching.stats().damaged, 1U);
  ASSERT_TRUE(caching.await_written(2));
  EXPECT_TRUE(caching.read("long") == value);
  EXPECT_EQ(files_->wholes(), 3U);
}

TEST_F(DiskCacheDamage, AFileOfAnotherKeyOrDatasetIsForeign) {
  files_->put("other", test::random_bytes(100, 3), "\"1\"");
  Caching(files_, folder_.path()).read("other");
  for (const auto& file : test::files_in(folder_.path())) {
    if (file != path_) std::filesystem::rename(file, path_);
  }
  EXPECT_EQ(read_damaged(test::bytes_of_file(path_)), 1U);
  {
    test::TemporaryDirectory elsewhere;
    Caching(files_, elsewhere.path(), std::nullopt, "s3://bucket/other").read("key");
    EXPECT_EQ(read_damaged(test::bytes_of_file(test::files_in(elsewhere.path()).front())), 1U);
  }
}

TEST_F(DiskCacheDamage, ALinkOrAFifoInItsPlaceIsNotFollowed) {
  const std::filesystem::path target = folder_.path() + "/target";
  test::write_file(target, sound_);
  std::filesystem::remove(path_);
  std::filesystem::create_symlink(target, path_);
  Caching caching(files_, folder_.path());
  EXPECT_TRUE(caching.read("key") == value_);
  EXPECT_EQ(caching.stats().damaged, 1U);
  EXPECT_TRUE(std::filesystem::exists(target));
}

}  // namespace
}  // namespace penstock::storage
