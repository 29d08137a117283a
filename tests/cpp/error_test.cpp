#include "base/error.h"

#include <gtest/gtest.h>

#include "support/expect_error.h"

namespace penstock::base {
namespace {

TEST(Error, StartsWithoutAPlace) {
  const Error error(ErrorKind::kDecode, "the cause", "the hint");
  EXPECT_EQ(error.kind(), ErrorKind::kDecode);
  EXPECT_STREQ(error.what(), "the cause");
  EXPECT_EQ(error.hint(), "the hint");
  EXPECT_EQ(error.tensor(), "");
  EXPECT_EQ(error.sample(), -1);
  EXPECT_EQ(error.chunk(), "");
}

TEST(Error, KeepsThePlaceNearestToTheFault) {
  Error error(ErrorKind::kStorage, "cause");
  error.set_place("images", 7, "");
  error.set_place("boxes", 8, "boxes/chunks/1");
  EXPECT_EQ(error.tensor(), "images");
  EXPECT_EQ(error.sample(), 7);
  EXPECT_EQ(error.chunk(), "boxes/chunks/1") << "filled in by the second, as the first did not know it";
}

}  // namespace
}  // namespace penstock::base
