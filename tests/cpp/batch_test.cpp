#include "batch/batch.h"

#include <gtest/gtest.h>

namespace penstock::batch {
namespace {

TEST(TensorBatch, EqualShapesLieBackToBack) {
  const TensorBatch batch = TensorBatch::of({{2, 3}, {2, 3}, {2, 3}}, kFloat32);
  EXPECT_EQ(batch.bytes, 72U);
  EXPECT_TRUE(batch.stacked);
  EXPECT_EQ(batch.offsets, (std::vector<std::size_t>{0, 24, 48}));
  EXPECT_EQ(batch.shapes, (std::vector<base::Shape>{{2, 3}, {2, 3}, {2, 3}}));
}

TEST(TensorBatch, UnequalShapesStartAtCacheLinesAndDoNotOverlap) {
  const std::vector<base::Shape> shapes{{1, 3}, {5, 3}, {0, 3}, {64}, {1}};
  const TensorBatch batch = TensorBatch::of(shapes, kUint8);
  EXPECT_FALSE(batch.stacked);
  ASSERT_EQ(batch.offsets.size(), shapes.size());
  std::size_t end = 0;
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    EXPECT_EQ(batch.offsets[i] % 64, 0U);
    EXPECT_GE(batch.offsets[i], end);
    end = batch.offsets[i] + *base::checked_byte_count(shapes[i], 1);
  }
  EXPECT_EQ(batch.bytes, end);
}

TEST(TensorBatch, SameSizeAndOtherShapeIsNotStacked) {
  EXPECT_FALSE(TensorBatch::of({{2, 3}, {3, 2}}, kUint8).stacked);
}

TEST(TensorBatch, OneSampleAndScalarsAndNothingAreStacked) {
  const TensorBatch one = TensorBatch::of({{7, 9}}, {nullptr, 2});
  EXPECT_EQ(one.bytes, 126U);
  EXPECT_TRUE(one.stacked);
  const TensorBatch scalars = TensorBatch::of({{}, {}}, kInt64);
  EXPECT_EQ(scalars.bytes, 16U);
  EXPECT_TRUE(scalars.stacked);
  const TensorBatch nothing = TensorBatch::of({{0, 4}, {0, 4}}, kInt64);
  EXPECT_EQ(nothing.bytes, 0U);
  EXPECT_TRUE(nothing.stacked);
  EXPECT_EQ(nothing.offsets, (std::vector<std::size_t>{0, 0}));
}

}  // namespace
}  // namespace penstock::batch
