#include "base/permutation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace penstock::base {
namespace {

std::vector<std::int64_t> permutation(std::size_t length) {
  std::vector<std::int64_t> numbers(length, -1);
  permute(Philox(3, 1, 0, 0, 1), numbers);
  return numbers;
}

// np.random.Generator(np.random.Philox(key=[3, 1], counter=[0, 0, 0, 1])).permutation(12)
TEST(Permutation, IsNumpys) {
  EXPECT_EQ(permutation(12), (std::vector<std::int64_t>{4, 0, 5, 3, 6, 7, 8, 9, 11, 2, 1, 10}));
}

TEST(Permutation, OfNothingAndOfOne) {
  EXPECT_TRUE(permutation(0).empty());
  EXPECT_EQ(permutation(1), std::vector<std::int64_t>{0});
}

TEST(Permutation, HasEachNumberOnceAroundTheBlocks) {
  for (const std::size_t length : {127, 128, 129, 130, 257, 1000}) {
    std::vector<std::int64_t> numbers = permutation(length);
    EXPECT_FALSE(std::is_sorted(numbers.begin(), numbers.end()));
    std::sort(numbers.begin(), numbers.end());
    for (std::size_t i = 0; i < length; ++i) ASSERT_EQ(numbers[i], static_cast<std::int64_t>(i));
  }
}

}  // namespace
}  // namespace penstock::base
