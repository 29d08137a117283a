#include "transform/masks/bitmap_masks.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <random>

#include "support/expect_error.h"

namespace penstock::transform {
namespace {

using test::kind_of;
using Bitmap = std::vector<std::vector<int>>;  // rows

MaskPatches whole(const std::vector<Bitmap>& objects, Extent extent) {
  MaskPatches masks{extent, {}, nullptr};
  masks.patches.assign(objects.size(), {0, 0, extent.width, extent.height, 0, 0});
  allocate(masks);
  std::uint8_t* out = masks.bytes.get();
  for (const Bitmap& rows : objects) {
    for (const auto& row : rows) {
      for (const int value : row) *out++ = static_cast<std::uint8_t>(value);
    }
  }
  return masks;
}

BitmapMasks masks_of(const std::vector<Bitmap>& objects) {
  return BitmapMasks(whole(objects, {static_cast<int>(objects[0].size()), static_cast<int>(objects[0][0].size())}));
}

std::vector<Bitmap> written(const BitmapMasks& masks) {
  std::vector<std::uint8_t> bytes(masks.byte_count());
  masks.write(std::as_writable_bytes(std::span(bytes)));
  const Extent extent = masks.extent();
  std::vector<Bitmap> objects(masks.size(), Bitmap(static_cast<std::size_t>(extent.height)));
  const std::uint8_t* in = bytes.data();
  for (Bitmap& rows : objects) {
    for (auto& row : rows) {
      row.assign(in, in + extent.width);
      in += extent.width;
    }
  }
  return objects;
}

const Bitmap kCorner{{1, 2, 0}, {0, 3, 0}};

TEST(BitmapMasks, GiveBackWhatTheyWereMadeOf) { EXPECT_EQ(written(masks_of({kCorner}))[0], kCorner); }

TEST(BitmapMasks, AreResizedToTheNearest) {
  BitmapMasks masks = masks_of({kCorner});
  masks.resize({3, 5});
  EXPECT_EQ(written(masks)[0], (Bitmap{{1, 1, 2, 2, 0}, {1, 1, 2, 2, 0}, {0, 0, 3, 3, 0}}));
  EXPECT_EQ(masks.extent(), (Extent{3, 5}));
}

// cv2.resize(np.arange(6, dtype=np.uint8).reshape(1, -1), (34, 1), interpolation=cv2.INTER_NEAREST); column 17 is the
// third source column's only because the factor is rounded.
TEST(BitmapMasks, AreResizedWithARoundedFactor) {
  BitmapMasks masks = masks_of({{{0, 1, 2, 3, 4, 5}}});
  masks.resize({1, 34});
  EXPECT_EQ(
      written(masks)[0],
      (Bitmap{{0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 4, 4, 4, 4, 4, 4, 5, 5, 5, 5, 5}}));
}

TEST(BitmapMasks, AreFlipped) {
  BitmapMasks masks = masks_of({kCorner});
  masks.flip(true, false);
  EXPECT_EQ(written(masks)[0], (Bitmap{{0, 2, 1}, {0, 3, 0}}));
  masks.flip(true, true);
  EXPECT_EQ(written(masks)[0], (Bitmap{{0, 3, 0}, {1, 2, 0}}));
}

TEST(BitmapMasks, ShowTheLaterOfTwoBorders) {
  BitmapMasks masks = masks_of({{{1}}});
  masks.pad({2, 1}, 5);
  masks.pad({2, 2}, 7);
  EXPECT_EQ(written(masks)[0], (Bitmap{{1, 7}, {5, 7}}));
  masks.pad({3, 2}, 9);
  EXPECT_EQ(written(masks)[0], (Bitmap{{1, 7}, {5, 7}, {9, 9}}));
  EXPECT_EQ(masks.areas(), std::vector<double>{1 + 7 + 5 + 7 + 9 + 9});
}

TEST(BitmapMasks, RoundThePaddedValueAsOpenCvDoes) {
  for (const auto& [value, expected] : std::vector<std::pair<double, int>>{
           {-1, 0}, {0.5, 0}, {1.5, 2}, {300, 255}, {std::nan(""), 0}, {std::numeric_limits<double>::infinity(), 0}}) {
    BitmapMasks masks = masks_of({{{1}}});
    masks.pad({1, 2}, value);
    EXPECT_EQ(written(masks)[0], (Bitmap{{1, expected}})) << value;
  }
}

TEST(BitmapMasks, CropWithinTheImage) {
  BitmapMasks masks = masks_of({kCorner});
  masks.crop(1, -4, 9, 1);
  EXPECT_EQ(written(masks)[0], (Bitmap{{2, 0}}));
  masks.crop(1, 0, 0, 0);
  EXPECT_EQ(written(masks)[0], (Bitmap{{0}}));
}

TEST(BitmapMasks, LoseTheirObjectsInACropBeyondTheEdge) {
  BitmapMasks masks = masks_of({kCorner, kCorner});
  masks.crop(3, 0, 9, 2);
  EXPECT_EQ(masks.size(), 0U);
  EXPECT_EQ(masks.extent(), (Extent{2, 1}));
  EXPECT_EQ(masks.byte_count(), 0U);
}

TEST(BitmapMasks, ExpandWithZeros) {
  BitmapMasks masks = masks_of({kCorner});
  masks.expand({3, 5}, 1, 1);
  EXPECT_EQ(written(masks)[0], (Bitmap{{0, 0, 0, 0, 0}, {0, 1, 2, 0, 0}, {0, 0, 3, 0, 0}}));
}

TEST(BitmapMasks, MeasureAreasAndBoxes) {
  BitmapMasks masks = masks_of({kCorner, {{0, 0, 0}, {0, 0, 0}}});
  EXPECT_EQ(masks.areas(), (std::vector<double>{6, 0}));
  EXPECT_EQ(masks.boxes(), (Boxes{{0, 0, 2, 2}, {0, 0, 0, 0}}));
  masks.flip(true, false);
  EXPECT_EQ(masks.boxes(), (Boxes{{1, 0, 3, 2}, {0, 0, 0, 0}}));
  EXPECT_EQ(written(masks)[0], (Bitmap{{0, 2, 1}, {0, 3, 0}}));
}

TEST(BitmapMasks, SelectObjects) {
  const Bitmap other{{4, 0, 0}, {0, 0, 0}};
  BitmapMasks masks = masks_of({kCorner, other});
  masks.select(std::vector<std::size_t>{1, 0, 1});
  EXPECT_EQ(written(masks), (std::vector<Bitmap>{other, kCorner, other}));
  masks.select(kept(Keep{false, true, false}));
  EXPECT_EQ(written(masks), (std::vector<Bitmap>{kCorner}));
}

TEST(BitmapMasks, LeaveTheirCopiesAlone) {
  BitmapMasks masks = masks_of({kCorner});
  BitmapMasks copy = masks;
  copy.flip(true, true);
  copy.clear(std::vector<std::uint8_t>(6, 1));
  EXPECT_EQ(copy.areas(), std::vector<double>{0});
  EXPECT_EQ(written(masks)[0], kCorner);
}

TEST(BitmapMasks, AreCoveredAndJoined) {
  BitmapMasks below = masks_of({kCorner});
  BitmapMasks above = masks_of({{{0, 7, 0}, {0, 0, 0}}, {{0, 0, 0}, {0, 0, 9}}});
  above.flip(true, false);
  const std::vector<std::uint8_t> covered = above.any();
  EXPECT_EQ(covered, (std::vector<std::uint8_t>{0, 1, 0, 1, 0, 0}));
  below.clear(covered);
  EXPECT_EQ(written(below)[0], (Bitmap{{1, 0, 0}, {0, 3, 0}}));
  below.append(above);
  EXPECT_EQ(below.boxes(), (Boxes{{0, 0, 2, 2}, {1, 0, 2, 1}, {0, 1, 1, 2}}));
  EXPECT_EQ(written(below)[2], (Bitmap{{0, 0, 0}, {9, 0, 0}}));
}

TEST(BitmapMasks, AreCutAnewWherePaddingWouldMakeThemSmaller) {
  // mmcv pads one edge to 2 x 4 and leaves the other; numpy's reshape then makes two masks of 1 x 4.
  BitmapMasks masks = masks_of({kCorner});
  masks.pad({1, 4}, 9);
  EXPECT_EQ(written(masks), (std::vector<Bitmap>{{{1, 2, 0, 9}}, {{0, 3, 0, 9}}}));
}

TEST(BitmapMasks, RefuseWhatTheirModelCannotDo) {
  const auto refuses = [](auto action) {
    BitmapMasks masks = masks_of({kCorner});
    return kind_of([&] { action(masks); }) == base::ErrorKind::kTransform;
  };
  EXPECT_TRUE(refuses([](BitmapMasks& masks) { masks.resize({0, 4}); }));
  EXPECT_TRUE(refuses([](BitmapMasks& masks) { masks.pad({3, 2}); }));  // 9 bytes are no masks of 6
  EXPECT_TRUE(refuses([](BitmapMasks& masks) { masks.expand({9, 9}, 7, 0); }));
  EXPECT_TRUE(refuses([](BitmapMasks& masks) { masks.expand({9, 9}, 0, -1); }));
  EXPECT_TRUE(refuses([](BitmapMasks& masks) { masks.clear(std::vector<std::uint8_t>(5)); }));
  EXPECT_TRUE(refuses([](BitmapMasks& masks) { masks.append(masks_of({{{1}}})); }));
  EXPECT_TRUE(refuses([](BitmapMasks& masks) { masks.write({}); }));
}

TEST(MasksOfBoxes, AreSlicesAsPythonTakesThem) {
  const BitmapMasks masks = masks_of_boxes({{0.9F, 0, 2.9F, 1.5F}, {-1.2F, -9, 99, 1}, {2, 0, 1, 2}}, {2, 3});
  EXPECT_EQ(written(masks),
            (std::vector<Bitmap>{{{1, 1, 0}, {0, 0, 0}}, {{0, 0, 1}, {0, 0, 0}}, {{0, 0, 0}, {0, 0, 0}}}));
  EXPECT_EQ(kind_of([] { masks_of_boxes({{0, 0, std::nanf(""), 1}}, {2, 3}); }), base::ErrorKind::kTransform);
}

/// The same operations, each carried out at once on every pixel.
struct Eager {
  Bitmap rows;

  int height() const { return static_cast<int>(rows.size()); }
  int width() const { return static_cast<int>(rows[0].size()); }

  template <class Value>
  void make(int to_height, int to_width, Value value) {
    Bitmap made(static_cast<std::size_t>(to_height), std::vector<int>(static_cast<std::size_t>(to_width)));
    for (int y = 0; y < to_height; ++y) {
      for (int x = 0; x < to_width; ++x) made[static_cast<std::size_t>(y)][static_cast<std::size_t>(x)] = value(y, x);
    }
    rows = std::move(made);
  }
  int at(int y, int x, int outside = 0) const {
    if (y < 0 || x < 0 || y >= height() || x >= width()) return outside;
    return rows[static_cast<std::size_t>(y)][static_cast<std::size_t>(x)];
  }
};

class RandomChain {
 public:
  explicit RandomChain(unsigned seed) : random_(seed) {}

  int draw(int low, int high) { return std::uniform_int_distribution(low, high)(random_); }

  Bitmap bitmap() {
    const int density = draw(0, 3);
    Eager made;
    made.make(draw(1, 20), draw(1, 20), [&](int, int) { return draw(0, 3) < density ? draw(1, 255) : 0; });
    return made.rows;
  }

  void step(BitmapMasks& masks, Eager& eager) {
    const Eager was = eager;
    const int h = was.height();
    const int w = was.width();
    const int a = draw(0, 5);
    const int b = draw(0, 5);
    switch (draw(0, 5)) {
      case 0: {
        const int to_h = draw(1, 40);
        const int to_w = draw(1, 40);
        const auto from = [](int i, int to, int size) {
          return std::min(static_cast<int>(i / (double(to) / size)), size - 1);
        };
        // Division and multiplication by the inverse may differ; whole factors and identities agree.
        if (to_h % h != 0 || to_w % w != 0) return;
        masks.resize({to_h, to_w});
        return eager.make(to_h, to_w, [&](int y, int x) { return was.at(from(y, to_h, h), from(x, to_w, w)); });
      }
      case 1:
        masks.flip(a % 2 != 0, b % 2 != 0);
        return eager.make(h, w, [&](int y, int x) { return was.at(b % 2 ? h - 1 - y : y, a % 2 ? w - 1 - x : x); });
      case 2: {
        const int value = draw(0, 255);
        masks.pad({h + a, w + b}, value);
        return eager.make(h + a, w + b, [&](int y, int x) { return was.at(y, x, value); });
      }
      case 3: {
        const int left = draw(0, w - 1);
        const int top = draw(0, h - 1);
        masks.crop(left, top, left + a * 4, top + b * 4);
        const int to_h = std::max(std::min(top + b * 4, h) - top, 1);
        const int to_w = std::max(std::min(left + a * 4, w) - left, 1);
        return eager.make(to_h, to_w, [&](int y, int x) { return was.at(y + top, x + left); });
      }
      case 4:
        masks.expand({h + a + 2, w + b + 1}, b, a);
        return eager.make(h + a + 2, w + b + 1, [&](int y, int x) { return was.at(y - a, x - b); });
      default:
        masks.areas();
    }
  }

 private:
  std::mt19937 random_;
};

TEST(BitmapMasks, GiveThroughAnyChainWhatStepByStepGives) {
  for (unsigned seed = 0; seed < 2000; ++seed) {
    RandomChain chain(seed);
    Eager eager{chain.bitmap()};
    BitmapMasks masks = masks_of({eager.rows});
    for (int i = 0; i < 6 && eager.height() < 100 && eager.width() < 100; ++i) chain.step(masks, eager);
    ASSERT_EQ(written(masks)[0], eager.rows) << seed;
    double area = 0;
    for (const auto& row : eager.rows) area += std::accumulate(row.begin(), row.end(), 0);
    ASSERT_EQ(masks.areas()[0], area) << seed;
  }
}

}  // namespace
}  // namespace penstock::transform
