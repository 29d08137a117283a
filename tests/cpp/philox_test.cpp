#include "base/philox.h"

#include <gtest/gtest.h>

namespace penstock::base {
namespace {

// np.random.Generator(np.random.Philox(key=[3, 1], counter=[0, 0, 7, 0])).random(6); more than one block of four.
TEST(Philox, DrawsWhatNumpyDraws) {
  Philox generator(3, 1, 7);
  for (const double expected : {0x1.634573e043225p-1, 0x1.83085ff4b8950p-2, 0x1.7bb9fc9a75676p-2, 0x1.abee1840aed2ap-2,
                                0x1.583b14f739abdp-1, 0x1.5331932a67092p-1}) {
    EXPECT_EQ(generator.random(), expected);
  }
}

}  // namespace
}  // namespace penstock::base
