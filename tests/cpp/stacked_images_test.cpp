#include "decode/stacked_images.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "support/bytes.h"
#include "support/chunk_builder.h"
#include "support/expect_error.h"
#include "support/jpeg_files.h"
#include "support/webp_files.h"

namespace penstock::decode {
namespace {

using test::ByteVector;
using test::ChunkBuilder;
using test::Picture;

class StackedImages : public testing::Test {
 protected:
  StackedImages() {
    format_.name = "images";
    format_.is_image = true;
    format_.dimensions = 3;
    format_.chunk_compression = format::Compression::kWebp;
  }

  /// A chunk that is one WebP, lossless, of 12 x 40 pixels, and claims samples of these shapes, in runs.
  std::shared_ptr<const format::Chunk> read(const std::vector<ChunkBuilder::Row>& shape_rows) {
    ChunkBuilder builder;
    builder.shape_rows = shape_rows;
    builder.data = test::encode_webp(canvas_, true);
    return unstacked(builder);
  }

  std::shared_ptr<const format::Chunk> unstacked(const ChunkBuilder& builder) const {
    const ByteVector object = builder.build();
    base::OwnedBytes copy = base::OwnedBytes::allocate(object.size());
    std::copy(object.begin(), object.end(), copy.data.get());
    return unstack_images(*format::Chunk::from_object(std::move(copy), format_));
  }

  ByteVector part(std::uint32_t x, std::uint32_t height, std::uint32_t width) const {
    ByteVector out;
    for (std::uint32_t y = 0; y < height; ++y) {
      const base::Bytes row = base::Bytes(canvas_.pixels).subspan(std::size_t{y * 40 + x} * 3, std::size_t{width} * 3);
      test::append(out, row);
    }
    return out;
  }

  static ByteVector sample(const format::Chunk& chunk, std::uint64_t index) {
    return test::copy_of(chunk.sample(chunk.byte_range(index)));
  }

  Picture canvas_ = test::make_picture(12, 40, 3, 7);
  format::TensorFormat format_;
};

TEST_F(StackedImages, AreCutFromLeftToRight) {
  const auto chunk = read({{0, 0, 0, 1}, {12, 10, 3, 2}, {5, 7, 3, 4}, {0, 0, 0, 5}, {9, 16, 3, 6}, {0, 0, 0, 9}});
  EXPECT_EQ(sample(*chunk, 0), ByteVector());
  EXPECT_EQ(sample(*chunk, 1), ByteVector());
  EXPECT_EQ(sample(*chunk, 2), part(0, 12, 10));
  EXPECT_EQ(sample(*chunk, 3), part(10, 5, 7));
  EXPECT_EQ(sample(*chunk, 4), part(17, 5, 7));
  EXPECT_EQ(sample(*chunk, 5), ByteVector());
  EXPECT_EQ(sample(*chunk, 6), part(24, 9, 16));
  EXPECT_EQ(sample(*chunk, 9), ByteVector());
  EXPECT_EQ(chunk->shape(6), (base::Shape{9, 16, 3}));
  EXPECT_EQ(test::kind_of([&] { static_cast<void>(chunk->byte_range(10)); }), base::ErrorKind::kChunkFormat);
}

TEST_F(StackedImages, OfOneShapeAreFoundByIt) {
  format_.fixed_shape = base::Shape{12, 8, 3};
  const auto chunk = read({{12, 8, 3, 4}});
  for (std::uint32_t i = 0; i < 5; ++i) EXPECT_EQ(sample(*chunk, i), part(i * 8, 12, 8));
}

TEST_F(StackedImages, WithoutPixelsMayTakePlaceAllTheSame) {
  // Deep Lake passes over samples that are empty along every axis, and over no others.
  const auto chunk = read({{0, 9, 3, 0}, {12, 31, 3, 1}});
  EXPECT_EQ(sample(*chunk, 1), part(9, 12, 31));
}

TEST_F(StackedImages, ThatTheImageDoesNotHoldAreRefused) {
  for (const std::vector<ChunkBuilder::Row>& rows : {std::vector<ChunkBuilder::Row>{{12, 39, 3, 0}},
                                                     {{12, 41, 3, 0}},
                                                     {{13, 40, 3, 0}},
                                                     {{11, 40, 3, 0}},
                                                     {{12, 20, 3, 0}, {12, 20, 3, 2}},
                                                     {{12, 40, 4, 0}},
                                                     {{12, 40, 0}},
                                                     {{12, 40, 3, 1, 0}},
                                                     {{16383, 16383, 3, 0}}}) {
    EXPECT_EQ(test::kind_of([&] { read(rows); }), base::ErrorKind::kDecode);
  }
}

TEST_F(StackedImages, ThatDoNotGoTogetherAreRefused) {
  for (const std::vector<ChunkBuilder::Row>& rows : {std::vector<ChunkBuilder::Row>{{12, 20, 3, 0}, {12, 20, 4, 1}},
                                                     {{40, 0}},
                                                     {{0xFFFFFFFF, 0xFFFFFFFF, 3, 0}},
                                                     {{1, 1, 3, 0xFFFFFFFF}},
                                                     {{0, 0xFFFFFFFF, 3, 1}}}) {
    const base::Error error = test::error_of([&] { read(rows); });
    EXPECT_EQ(error.kind(), base::ErrorKind::kChunkFormat);
    EXPECT_NE(error.cause().find("the chunk is one image, but "), std::string::npos) << error.cause();
  }
}

TEST_F(StackedImages, ThatAreAllEmptyNeedNoImage) {
  const auto chunk = read({{0, 0, 0, 0xFFFFFFFE}});
  EXPECT_EQ(sample(*chunk, 0xFFFFFFFE), ByteVector());
  EXPECT_LT(chunk->bytes(), 10'000U);
}

TEST_F(StackedImages, TruthValuesAreZeroAndOne) {
  format_.is_bool = true;
  const auto chunk = read({{12, 40, 3, 0}});
  const ByteVector values = sample(*chunk, 0);
  for (std::size_t i = 0; i < values.size(); ++i) {
    EXPECT_EQ(values[i], canvas_.pixels[i] == std::byte{0} ? std::byte{0} : std::byte{1});
  }
}

TEST_F(StackedImages, InADamagedImageAreRefused) {
  ChunkBuilder builder;
  builder.shape_rows = {{12, 20, 3, 1}};
  const ByteVector file = test::encode_webp(canvas_, true);
  for (std::size_t length = 0; length + 4 < file.size(); ++length) {
    builder.data.assign(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(length));
    EXPECT_EQ(test::kind_of([&] { unstacked(builder); }), base::ErrorKind::kDecode);
  }
}

}  // namespace
}  // namespace penstock::decode
