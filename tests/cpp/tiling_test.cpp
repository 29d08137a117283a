#include "format/tiling.h"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "base/error.h"
#include "support/expect_error.h"

namespace penstock::format {
namespace {

std::vector<std::byte> counting(std::size_t bytes) {
  std::vector<std::byte> data(bytes);
  for (std::size_t i = 0; i < bytes; ++i) data[i] = static_cast<std::byte>(i % 251);
  return data;
}

/// The tile that `block` cuts out of a sample, element by element.
std::vector<std::byte> cut(const std::vector<std::byte>& sample, const Tiling& tiling, const Tiling::Block& block,
                           std::size_t item_size) {
  std::vector<std::byte> tile;
  base::Shape at(tiling.sample.size(), 0);
  const std::uint64_t elements = *base::checked_byte_count(block.shape, 1);
  for (std::uint64_t element = 0; element < elements; ++element) {
    std::uint64_t rest = element;
    for (std::size_t axis = at.size(); axis-- > 0;) {
      at[axis] = block.origin[axis] + static_cast<std::uint32_t>(rest % block.shape[axis]);
      rest /= block.shape[axis];
    }
    std::size_t offset = 0;
    for (std::size_t axis = 0; axis < at.size(); ++axis) offset = offset * tiling.sample[axis] + at[axis];
    for (std::size_t byte = 0; byte < item_size; ++byte) tile.push_back(sample[offset * item_size + byte]);
  }
  return tile;
}

TEST(Tiling, TilesPutTogetherAreTheSample) {
  const std::vector<Tiling> tilings{{{7}, {3}},
                                    {{6, 5}, {4, 5}},
                                    {{6, 5}, {6, 2}},
                                    {{9, 8, 3}, {4, 3, 3}},
                                    {{9, 8, 3}, {4, 3, 2}},
                                    {{4, 4, 4, 4}, {2, 3, 4, 1}},
                                    {{5, 6, 3}, {9, 9, 9}},
                                    {{1, 1, 1}, {1, 1, 1}}};
  for (const Tiling& tiling : tilings) {
    for (const std::size_t item_size : {1U, 4U}) {
      const auto sample = counting(*base::checked_byte_count(tiling.sample, item_size));
      std::vector<std::byte> found(sample.size());
      for (std::uint64_t number = 0; number < tiling.count(); ++number) {
        const Tiling::Block block = tiling.block(number);
        copy_block(cut(sample, tiling, block, item_size), block, tiling.sample, item_size, found);
      }
      EXPECT_EQ(found, sample);
    }
  }
}

TEST(Tiling, TilesLieInRowMajorOrderAndTheLastAreSmaller) {
  const Tiling tiling{{60, 50, 3}, {40, 30, 3}};
  ASSERT_EQ(tiling.count(), 4U);
  EXPECT_EQ(tiling.block(1).origin, (base::Shape{0, 30, 0}));
  EXPECT_EQ(tiling.block(1).shape, (base::Shape{40, 20, 3}));
  EXPECT_EQ(tiling.block(2).origin, (base::Shape{40, 0, 0}));
  EXPECT_EQ(tiling.block(3).shape, (base::Shape{20, 20, 3}));
}

TEST(Tiling, ACountPastAllNumbersIsTheLargest) {
  const std::uint32_t most = std::numeric_limits<std::uint32_t>::max();
  EXPECT_EQ((Tiling{{most, most, most}, {1, 1, 1}}).count(), std::numeric_limits<std::uint64_t>::max());
}

TEST(Tiling, ImagesInColorHaveThreeChannelsAndGrayOnesNoAxisOfThem) {
  EXPECT_EQ((Tiling{{60, 50}, {40, 30}}).recolored(false).sample, (base::Shape{60, 50, 3}));
  EXPECT_EQ((Tiling{{60, 50, 4}, {40, 30, 4}}).recolored(false).tile, (base::Shape{40, 30, 3}));
  EXPECT_EQ((Tiling{{60, 50, 4}, {40, 30, 4}}).recolored(true).sample, (base::Shape{60, 50}));
  const Tiling split{{60, 50, 3}, {40, 30, 2}};
  EXPECT_EQ(test::kind_of([&] { split.recolored(false); }), base::ErrorKind::kUnsupported);
}

}  // namespace
}  // namespace penstock::format
