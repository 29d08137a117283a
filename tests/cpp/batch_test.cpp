#include "batch/batch.h"

#include <gtest/gtest.h>

namespace penstock::batch {
namespace {

TEST(TensorBatch, EqualShapesLieBackToBack) {
  TensorBatch batch;
  EXPECT_EQ(batch.lay_out({{2, 3}, {2, 3}, {2, 3}}, 4), 72U);
  EXPECT_TRUE(batch.stacked);
  EXPECT_EQ(batch.offsets, (std::vector<std::size_t>{0, 24, 48}));
  EXPECT_EQ(batch.shapes, (std::vector<base::Shape>{{2, 3}, {2, 3}, {2, 3}}));
}

TEST(TensorBatch, UnequalShapesStartAtCacheLinesAndDoNotOverlap) {
  TensorBatch batch;
  const std::vector<base::Shape> shapes{{1, 3}, {5, 3}, {0, 3}, {64}, {1}};
  const std::size_t bytes = batch.lay_out(shapes, 1);
  EXPECT_FALSE(batch.stacked);
  ASSERT_EQ(batch.offsets.size(), shapes.size());
  std::size_t end = 0;
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    EXPECT_EQ(batch.offsets[i] % 64, 0U);
    EXPECT_GE(batch.offsets[i], end);
    end = batch.offsets[i] + *base::checked_byte_count(shapes[i], 1);
  }
  EXPECT_EQ(bytes, end);
}

TEST(TensorBatch, SameSizeAndOtherShapeIsNotStacked) {
  TensorBatch batch;
  batch.lay_out({{2, 3}, {3, 2}}, 1);
  EXPECT_FALSE(batch.stacked);
}

TEST(TensorBatch, OneSampleAndScalarsAndNothingAreStacked) {
  TensorBatch batch;
  EXPECT_EQ(batch.lay_out({{7, 9}}, 2), 126U);
  EXPECT_TRUE(batch.stacked);
  EXPECT_EQ(batch.lay_out({{}, {}}, 8), 16U);
  EXPECT_TRUE(batch.stacked);
  EXPECT_EQ(batch.lay_out({{0, 4}, {0, 4}}, 8), 0U);
  EXPECT_TRUE(batch.stacked);
  EXPECT_EQ(batch.offsets, (std::vector<std::size_t>{0, 0}));
}

}  // namespace
}  // namespace penstock::batch
