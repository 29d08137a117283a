#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include "decode/image_decoder.h"
#include "support/bytes.h"
#include "support/jpeg_files.h"
#include "transform/pixels/pixel_source.h"

namespace penstock::transform {
namespace {

constexpr std::int32_t kHeight = 61, kWidth = 83;

class JpegImages final : public PixelSources {
 public:
  JpegImages() : file_(test::encode_jpeg(test::make_picture(kHeight, kWidth, 3, 3), test::Subsampling::k420)) {}
  std::unique_ptr<base::RowSource> open(std::size_t) override {
    return decode::open_image(format::Compression::kJpeg, file_, {kHeight, kWidth, 3}, decode::Color::kBgr);
  }

 private:
  test::ByteVector file_;
};

/// Plans of every kind of step, alone and together.
std::vector<PixelPlan> plans() {
  const Normalize normalize{{1, 2, 3}, {0.5, 0.25, 0.125}, true};
  const Photometric photometric{5, 1.1F, 0.9F, 7, 1, {2, 0, 1}};
  const Warp warp{{1, 0.1, 3, -0.1, 1, 4, 0, 0, 1}, {70, 50}, {5, 6, 7}};
  const Canvas expand{{100, 150}, 20, 30, {1, 2, 3}};
  const Canvas crop{{40, 50}, -10, -7, {}};
  const Canvas pad{{96, 128}, 0, 0, {0, 0, 0}};
  const auto part = std::make_shared<const PixelPlan>(PixelPlan{0, {kHeight, kWidth}, 3, {Resize{{30, 40}}}});
  const auto mask = std::make_shared<const std::vector<std::uint8_t>>(30 * 40, std::uint8_t{1});
  const std::vector<std::vector<PixelStep>> chains{
      {},
      {Resize{{90, 121}}, Flip{true, false}, normalize, pad},
      {ToFloat{}, expand, crop, Resize{{64, 47}}, Flip{true, true}, photometric, normalize, pad},
      {Photometric{}, expand, Resize{{33, 44}}, normalize, normalize, normalize},
      {Canvas{{10, 10}, 200, 0, {9, 9, 9}}, Resize{{5, 70}}},
      {expand, crop, expand, Resize{{64, 47}, true}, Flip{false, true}},
      {Resize{{1, 1}}},
      {Flip{false, true}, Resize{{200, 3}}},
      {HsvGains{{3, 20, -20}}, Fill{{{1, 2, 30, 40}}, {7, 8, 9}}, warp},
      {ToFloat{}, warp, Resize{{31, 17}}},
      {Overlay{part, 70, 50}, Resize{{30, 40}}, Blend{part}, Select{part, mask}, normalize},
      {Resize{{90, 121}, false, true}, Flip{true, true}, pad},
      {crop, Flip{true, true}, Resize{{9, 7}, false, true}, crop, expand},
      {Flip{false, true}, Resize{{64, 47}, false, true}, normalize},
      {expand, Resize{{33, 44}, false, true}, Resize{{50, 60}, true, true}, ToFloat{}},
      {Resize{{1, 1}, false, true}},
      {LevelBlend{LevelBlend::With::kBlack, 1.5, false, false}, Resize{{30, 40}, false, true},
       LevelBlend{LevelBlend::With::kMean, 0.5, true, false}, LevelBlend{LevelBlend::With::kGray, 0.5, false, true}},
  };
  std::vector<PixelPlan> made;
  for (const auto& steps : chains) {
    for (const std::uint32_t channels : {1U, 3U}) made.push_back({0, {kHeight, kWidth}, channels, steps});
  }
  return made;
}

/// Memory of exactly the size of the result, so that a sanitizer sees each byte beyond it that is touched.
test::ByteVector run(const PixelPlan& plan, bool planar, std::int32_t more = 0, std::byte before = {}) {
  JpegImages images;
  Extent extent = extent_of(plan);
  extent = {extent.height + more, extent.width + more};
  const std::size_t bytes = static_cast<std::size_t>(extent.height) * static_cast<std::size_t>(extent.width) *
                            plan.channels * (is_float(plan) ? 4 : 1);
  test::ByteVector out(bytes, before);
  run_pixels(plan, images, {out.data(), planar, extent, 0});
  return out;
}

TEST(Pixels, WritesEveryByteOfTheTargetAndNoOther) {
  for (const PixelPlan& plan : plans()) {
    for (const bool planar : {false, true}) {
      const test::ByteVector out = run(plan, planar, 3, std::byte{0xEE});
      EXPECT_EQ(out, run(plan, planar, 3, std::byte{0x11}));
      EXPECT_EQ(out.back(), std::byte{0}) << "the last pixel is padding";
    }
  }
}

TEST(Pixels, LayoutsHoldTheSameValues) {
  for (const PixelPlan& plan : plans()) {
    const test::ByteVector pixels = run(plan, false);
    const test::ByteVector planes = run(plan, true);
    const std::size_t item = is_float(plan) ? 4 : 1;
    const std::size_t count = pixels.size() / item / plan.channels;
    for (std::size_t i = 0; i < count; ++i) {
      for (std::size_t c = 0; c < plan.channels; ++c) {
        ASSERT_EQ(std::memcmp(&pixels[(i * plan.channels + c) * item], &planes[(c * count + i) * item], item), 0);
      }
    }
  }
}

/// Of a mosaic that is cut, only what is seen is made. A Fill of nothing keeps the crop from being known.
TEST(Pixels, WhatACropLeavesOutOfAMosaicChangesNothing) {
  std::mt19937 generator(5);
  const auto number = [&](std::int32_t least, std::int32_t most) {
    return least + static_cast<std::int32_t>(generator() % static_cast<std::uint32_t>(most - least + 1));
  };
  for (int round = 0; round < 200; ++round) {
    const Extent mosaic{number(60, 130), number(60, 130)};
    std::vector<PixelStep> made{Resize{{number(20, 70), number(20, 70)}},
                                Canvas{mosaic, number(-30, 60), number(-30, 60), {114, 114, 114}}};
    for (int i = number(1, 3); i > 0; --i) {
      const auto part = std::make_shared<const PixelPlan>(
          PixelPlan{0, {kHeight, kWidth}, 3, {Resize{{number(10, 60), number(10, 60)}}}});
      made.push_back(Overlay{part, number(-20, mosaic.width), number(-20, mosaic.height)});
    }
    std::vector<PixelStep> shown;
    if (round % 4 != 0) shown.push_back(Resize{{number(30, 200), number(30, 200)}, round % 5 == 0});
    if (round % 3 == 0) shown.push_back(Flip{true, round % 2 == 0});
    shown.push_back(Canvas{{number(5, 60), number(5, 60)}, number(-150, 10), number(-150, 10), {1, 2, 3}});
    if (round % 7 == 0) shown.push_back(ToFloat{});

    PixelPlan plan{0, {kHeight, kWidth}, 3, made}, hidden = plan;
    plan.steps.insert(plan.steps.end(), shown.begin(), shown.end());
    hidden.steps.push_back(Fill{});
    hidden.steps.insert(hidden.steps.end(), shown.begin(), shown.end());
    ASSERT_EQ(run(plan, false), run(hidden, false)) << "round " << round;
  }
}

TEST(Pixels, WhatAWarpLeavesOutOfAMosaicChangesNothing) {
  std::mt19937 generator(7);
  const auto number = [&](double least, double most) {
    return std::uniform_real_distribution<double>(least, most)(generator);
  };
  const auto whole = [&](std::int32_t least, std::int32_t most) {
    return static_cast<std::int32_t>(number(least, most + 1));
  };
  for (int round = 0; round < 300; ++round) {
    std::vector<PixelStep> made{Canvas{{130, 140}, whole(-30, 60), whole(-30, 60), {114, 114, 114}}};
    if (round % 5 == 0) made.insert(made.begin(), ToFloat{});
    for (int i = whole(1, 3); i > 0; --i) {
      const auto part = std::make_shared<const PixelPlan>(PixelPlan{0, {kHeight, kWidth}, 3, {}});
      made.push_back(Overlay{part, whole(-20, 140), whole(-20, 130)});
    }
    // Near and far, turned, without an inverse, and such that parallels meet.
    const double scale = number(0.3, 4), turn = round % 3 == 0 ? number(-3, 3) : 0;
    Warp warp{{scale * std::cos(turn), -scale * std::sin(turn), number(-300, 60), scale * std::sin(turn),
               scale * std::cos(turn), number(-300, 60), 0, 0, 1},
              {whole(1, 70), whole(1, 70)},
              {5, 6, 7}};
    if (round % 11 == 0) warp.matrix[6] = 0.001;
    if (round % 13 == 0) warp.matrix[7] = 0.001;
    if (round % 17 == 0) warp.matrix[8] = number(0.5, 2);
    if (round % 29 == 0) warp.matrix = {};
    PixelPlan plan{0, {kHeight, kWidth}, 3, made}, hidden = plan;
    plan.steps.insert(plan.steps.end(), {warp, Flip{true, false}});
    hidden.steps.insert(hidden.steps.end(), {Fill{}, warp, Flip{true, false}});
    ASSERT_EQ(run(plan, false), run(hidden, false)) << "round " << round;
  }
}

/// Images that lie in memory.
class HeldImages final : public PixelSources {
 public:
  std::unique_ptr<base::RowSource> open(std::size_t number) override {
    return std::make_unique<Rows>(*images_.open(number));
  }

 private:
  class Rows final : public base::RowSource {
   public:
    explicit Rows(base::RowSource& image) : height_(image.height()), width_(image.width()) {
      pixels_.resize(std::size_t{height_} * width_ * 4 + kOverrun);
      image.read(pixels_.data(), std::size_t{width_} * 4, height_);
    }
    std::uint32_t height() const override { return height_; }
    std::uint32_t width() const override { return width_; }
    std::uint32_t channels() const override { return 4; }
    void read(std::uint8_t*, std::size_t, std::uint32_t) override { ADD_FAILURE() << "rows in memory are copied"; }
    void finish() override {}
    const std::uint8_t* in_memory() const override { return pixels_.data(); }

   private:
    std::uint32_t height_, width_;
    std::vector<std::uint8_t> pixels_;
  };

  JpegImages images_;
};

TEST(Pixels, OfAnImageInMemoryAreThoseOfOneThatIsDecodedMeanwhile) {
  for (const PixelPlan& plan : plans()) {
    for (const bool planar : {false, true}) {
      const test::ByteVector expected = run(plan, planar);
      test::ByteVector out(expected.size());
      HeldImages images;
      run_pixels(plan, images, {out.data(), planar, extent_of(plan), 0});
      EXPECT_EQ(out, expected);
    }
  }
}

TEST(Pixels, ThatStayAsTheyAreAreThoseThatAreResampledByWholeWeights) {
  const Canvas expand{{100, 150}, 20, 30, {1, 2, 3}}, crop{{40, 50}, -10, -7, {}}, beside{{9, 9}, 90, 0, {4, 5, 6}};
  const std::vector<std::vector<PixelStep>> chains{
      {}, {expand}, {crop}, {Flip{true, false}, crop}, {expand, Flip{true, true}, crop}, {Flip{false, true}}, {beside}};
  for (const auto& steps : chains) {
    for (const std::uint32_t channels : {1U, 3U}) {
      PixelPlan plan{0, {kHeight, kWidth}, channels, steps}, floats = plan;
      floats.steps.push_back(ToFloat{});
      for (const bool planar : {false, true}) {
        const test::ByteVector bytes = run(plan, planar), expected = run(floats, planar);
        ASSERT_EQ(bytes.size() * sizeof(float), expected.size());
        for (std::size_t i = 0; i < bytes.size(); ++i) {
          float value = 0;
          std::memcpy(&value, &expected[i * sizeof(float)], sizeof(float));
          ASSERT_EQ(static_cast<float>(std::to_integer<int>(bytes[i])), value) << i;
        }
      }
    }
  }
}

/// Notes which images are read to their end, where damage shows.
class Finished final : public PixelSources {
 public:
  std::unique_ptr<base::RowSource> open(std::size_t number) override {
    return std::make_unique<Rows>(images_.open(number), finished[number]);
  }

  std::array<bool, 2> finished{};

 private:
  class Rows final : public base::RowSource {
   public:
    Rows(std::unique_ptr<base::RowSource> image, bool& finished) : image_(std::move(image)), finished_(finished) {}
    std::uint32_t height() const override { return image_->height(); }
    std::uint32_t width() const override { return image_->width(); }
    std::uint32_t channels() const override { return image_->channels(); }
    void read(std::uint8_t* rows, std::size_t stride, std::uint32_t count) override {
      image_->read(rows, stride, count);
    }
    void finish() override {
      image_->finish();
      finished_ = true;
    }

   private:
    std::unique_ptr<base::RowSource> image_;
    bool& finished_;
  };

  JpegImages images_;
};

TEST(Pixels, ImagesOfAMosaicThatAreNotSeenAreReadToTheirEnd) {
  const auto part = std::make_shared<const PixelPlan>(PixelPlan{1, {kHeight, kWidth}, 3, {Resize{{20, 20}}}});
  const PixelPlan plan{0,
                       {kHeight, kWidth},
                       3,
                       {Canvas{{200, 200}, 0, 0, {}}, Overlay{part, 170, 170}, Canvas{{10, 10}, -100, -100, {}}}};
  Finished images;
  test::ByteVector out(10 * 10 * 3);
  run_pixels(plan, images, {out.data(), false, {10, 10}, 0});
  EXPECT_TRUE(images.finished[0]) << "the first image lies outside of what is kept";
  EXPECT_TRUE(images.finished[1]) << "and so does the other";
}

TEST(Pixels, EveryInstructionSetGivesTheSameBits) {
  for (const PixelPlan& plan : plans()) {
    const test::ByteVector expected = run(plan, true);
    for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
      hwy::SetSupportedTargetsForTest(target);
      EXPECT_EQ(run(plan, true), expected) << hwy::TargetName(target);
      hwy::SetSupportedTargetsForTest(0);
    }
  }
}

TEST(Pixels, ThreadsDoNotMeet) {
  const std::vector<PixelPlan> all = plans();
  std::vector<test::ByteVector> expected;
  for (const PixelPlan& plan : all) expected.push_back(run(plan, true));
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 3; ++t) {
    threads.emplace_back([&, t] {
      for (std::size_t i = 0; i < all.size(); ++i) {
        const std::size_t which = (i + 5 * t) % all.size();
        EXPECT_EQ(run(all[which], true), expected[which]);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace penstock::transform
