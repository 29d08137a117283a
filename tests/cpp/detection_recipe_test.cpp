#include "pipeline/detection_recipe.h"

#include <gtest/gtest.h>

#include <cstring>
#include <exception>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "pipeline/epoch.h"
#include "pipeline/loader.h"
#include "pipeline/meta_row.h"
#include "support/dataset.h"
#include "support/expect_error.h"
#include "support/jpeg_files.h"

namespace penstock::pipeline {
namespace {

namespace step = transform::step;

constexpr std::int64_t kSamples = 40;

/// One box an item, in the middle of nowhere: where a crop misses it, the sample is rejected.
transform::AnnotationTable one_box_each() {
  transform::AnnotationTable table;
  for (std::int64_t i = 0; i < kSamples; ++i) {
    table.indices.push_back(i);
    table.flags.push_back(static_cast<std::uint8_t>(i % 2));
    table.offsets.push_back(i);
    table.boxes.push_back({2, 2, 6, 5});
    table.labels.push_back(i);
    table.mask_rows.push_back(0);
  }
  table.offsets.push_back(kSamples);
  table.ignored_offsets.assign(kSamples + 1, 0);
  return table;
}

step::RandomCrop small_crop() {
  step::RandomCrop crop;
  crop.crop_size = {0.4, 0.4};
  crop.crop_type = step::CropType::kRelative;
  return crop;
}

/// A pipeline that draws, rejects and mixes nothing.
std::vector<step::Step> rejecting() {
  step::RandomFlip flip{{transform::Direction::kHorizontal}, {0.5, 0.5}};
  step::Normalize normalize{{1, 2, 3}, {2, 2, 2}, true};
  return {step::LoadImage{}, step::LoadAnnotations{}, small_crop(), flip, normalize, step::Format{true}};
}

/// Four images in one, and another blended in.
std::vector<step::Step> mixing() {
  step::Mosaic mosaic;
  mosaic.img_scale = {24, 32};
  step::MixUp mix_up;
  mix_up.img_scale = {40, 40};
  return {step::LoadImage{}, step::LoadAnnotations{}, mosaic, mix_up, step::Format{true}};
}

/// Four images in one; then another such one blended in, which may be rejected before.
std::vector<step::Step> mixing_again() {
  step::Mosaic mosaic;
  mosaic.img_scale = {12, 16};
  mosaic.cached = true;
  step::MixUp mix_up;
  mix_up.img_scale = {40, 40};
  mix_up.cached = true;
  return {step::LoadImage{}, step::LoadAnnotations{}, mosaic, small_crop(), mix_up, step::Format{true}};
}

/// A sample goes through all steps before one that is cached; none: as by default.
std::optional<std::vector<std::size_t>> partner_steps_of(const std::vector<step::Step>& steps) {
  std::vector<std::size_t> result;
  bool any = false;
  for (std::size_t number = 0; number < steps.size(); ++number) {
    const auto* mosaic = std::get_if<step::Mosaic>(&steps[number]);
    const auto* mix_up = std::get_if<step::MixUp>(&steps[number]);
    any = any || (mosaic != nullptr && mosaic->cached) || (mix_up != nullptr && mix_up->cached);
    result.push_back(number);
  }
  return any ? std::optional(result) : std::nullopt;
}

DetectionSpec spec_of(std::vector<step::Step> steps) {
  const auto partner_steps = partner_steps_of(steps);
  return {transform::make_program(std::move(steps), partner_steps),
          one_box_each(),
          0,
          std::nullopt,
          false,
          ImageLayout::kStack,
          0};
}

std::unique_ptr<Loader> make_loader(const test::Dataset& dataset, std::vector<step::Step> steps,
                                    LoaderOptions options) {
  return std::make_unique<Loader>(test::opened(dataset.store), dataset.sources, options,
                                  std::make_shared<batch::HeapAllocator>(), spec_of(std::move(steps)));
}

/// Places that differ from epoch to epoch, for steps with a cache.
Randomness random_of(std::uint64_t seed, std::uint64_t epoch) {
  const std::vector<std::int64_t> order = test::shuffled(kSamples, static_cast<unsigned>(epoch));
  return {seed, epoch, std::make_shared<const transform::EpochPlaces>(order)};
}

/// One sample's image without the batch's padding, and its boxes.
using Result = std::pair<std::vector<float>, std::vector<std::byte>>;

void collect(const batch::Batch& batch, std::map<std::int64_t, Result>& results) {
  const std::size_t columns = meta_columns().size();
  const std::vector<test::Array> boxes = test::arrays_of(batch, 1, sizeof(float));
  for (std::size_t i = 0; i < batch.indices.size(); ++i) {
    const double* row = &batch.metas[i * columns];
    const auto height = static_cast<std::size_t>(row[2]);  // after index and attempt
    const auto width = static_cast<std::size_t>(row[3]);
    const base::Shape& shape = batch.tensors[0].shapes[i];
    const auto* pixels = reinterpret_cast<const float*>(batch.tensors[0].slab->data() + batch.tensors[0].offsets[i]);
    std::vector<float> image;
    for (std::size_t line = 0; line < 3 * height; ++line) {
      const float* begin = pixels + (line / height * shape[1] + line % height) * shape[2];
      image.insert(image.end(), begin, begin + width);
    }
    results[batch.indices[i]] = {std::move(image), {boxes[i].bytes.begin(), boxes[i].bytes.end()}};
  }
}

std::map<std::int64_t, Result> run(Loader& loader, std::size_t batch_size, std::vector<std::int64_t> order) {
  std::map<std::int64_t, Result> results;
  const std::vector<std::size_t> ends = test::batch_ends(order.size(), batch_size);
  const auto epoch = loader.start(std::move(order), ends, random_of(7, 3));
  while (const auto batch = epoch->next(test::kNoInterrupt)) collect(*batch, results);
  return results;
}

class DetectionPipelines : public testing::TestWithParam<std::vector<step::Step> (*)()> {
 protected:
  test::Dataset dataset_ = test::make_dataset({.color = decode::Color::kBgr});
};

TEST_P(DetectionPipelines, ASampleDependsOnNeitherThreadsNorNeighbours) {
  const auto alone = make_loader(dataset_, GetParam()(), {.threads = 1, .reader_threads = 1, .prefetch = 1});
  const auto expected = run(*alone, 1, test::in_order(kSamples));
  ASSERT_EQ(expected.size(), static_cast<std::size_t>(kSamples));
  const auto busy = make_loader(dataset_, GetParam()(), {.threads = 4, .reader_threads = 3, .prefetch = 5});
  for (unsigned seed = 0; seed < 3; ++seed) EXPECT_EQ(run(*busy, 7, test::shuffled(kSamples, seed)), expected);
}

/// With the second limit, images that several samples need are kept; with the first there is no room for one.
TEST_P(DetectionPipelines, ASampleDoesNotDependOnTheLimitOnMemory) {
  const auto alone = make_loader(dataset_, GetParam()(), {.threads = 1, .prefetch = 1});
  const auto expected = run(*alone, 1, test::in_order(kSamples));
  for (const std::uint64_t limit : {20'000, 80'000}) {
    const auto limited = make_loader(dataset_, GetParam()(), {.threads = 3, .prefetch = 4, .memory_limit = limit});
    EXPECT_EQ(run(*limited, 5, test::shuffled(kSamples, 1)), expected) << limit;
  }
}

TEST_P(DetectionPipelines, AnEpochMayBeLeftAtAnyBatch) {
  const auto loader = make_loader(dataset_, GetParam()(), {.threads = 3, .prefetch = 4});
  for (int taken = 0; taken < 10; ++taken) {
    const auto epoch = loader->start(test::in_order(kSamples), test::batch_ends(kSamples, 4), random_of(1, 1));
    for (int i = 0; i < taken; ++i) ASSERT_TRUE(epoch->next(test::kNoInterrupt));
  }
}

TEST_P(DetectionPipelines, ABadImageEndsTheEpochByName) {
  constexpr std::int64_t kBad = 17;
  dataset_.damage(0, kBad);
  const auto loader = make_loader(dataset_, GetParam()(), {.threads = 3, .prefetch = 3});
  // The pipeline may reject the sample before its pixels are looked at: not in every epoch.
  const auto decodes_it = [&](std::uint64_t number) {
    const auto epoch = loader->start({kBad}, {1}, random_of(0, number));
    try {
      epoch->next(test::kNoInterrupt);
      return false;
    } catch (const base::Error& error) {
      EXPECT_EQ(error.kind(), base::ErrorKind::kDecode);
      EXPECT_EQ(error.tensor(), dataset_.sources[0].format.name);
      EXPECT_EQ(error.sample(), kBad);
      return true;
    }
  };
  std::uint64_t number = 0;
  while (number < 50 && !decodes_it(number)) ++number;
  EXPECT_LT(number, 50U);
}

INSTANTIATE_TEST_SUITE_P(Pipelines, DetectionPipelines, testing::Values(&rejecting, &mixing, &mixing_again));

/// An image that is only ever mixed in: damaged, or in a chunk that cannot be read.
class MixedInImage : public testing::TestWithParam<bool> {};

TEST_P(MixedInImage, IsTheOneThatAnErrorNames) {
  constexpr std::int64_t kBad = 17;
  test::Dataset dataset = test::make_dataset({.color = decode::Color::kBgr});
  const std::string chunk = dataset.chunk_of(0, kBad);
  if (GetParam()) {
    dataset.damage(0, kBad);
  } else {
    dataset.store->fail(chunk, base::ErrorKind::kStorage);
  }
  const auto loader = make_loader(dataset, mixing(), {.threads = 2});
  int errors = 0;
  for (std::uint64_t number = 0; number < 60; ++number) {
    // No sample of the epoch lies in the damaged chunk.
    const auto epoch = loader->start({0, 1, 2, 30}, {4}, {5, number});
    try {
      epoch->next(test::kNoInterrupt);
    } catch (const base::Error& error) {
      ++errors;
      EXPECT_EQ(error.tensor(), "images");
      EXPECT_EQ(error.chunk(), chunk);
      if (GetParam()) {
        EXPECT_EQ(error.sample(), kBad);
      }
    }
  }
  EXPECT_GT(errors, 0);
}

INSTANTIATE_TEST_SUITE_P(Damage, MixedInImage, testing::Bool());

/// Images of one size from elsewhere than chunks, all but one of them sound.
class OneBadHead final : public SampleReader {
 public:
  explicit OneBadHead(std::int64_t bad) : bad_(bad) {}

  std::vector<Result> read(std::span<const std::int64_t> samples) override {
    std::vector<Result> results;
    for (const std::int64_t sample : samples) {
      Result& result = results.emplace_back();
      result.sample = {*file_, {12, 16, 3}, file_};
      if (sample == bad_) {
        result.error = std::make_exception_ptr(base::Error(base::ErrorKind::kDecode, "that is no JPEG"));
      }
    }
    return results;
  }

 private:
  const std::int64_t bad_;
  const std::shared_ptr<const test::ByteVector> file_ =
      std::make_shared<const test::ByteVector>(test::encode_jpeg(test::make_picture(12, 16, 3, 1)));
};

/// Runs the first three samples, which may take up others: how many of 40 epochs end because of `kBad`. No other error
/// is expected.
constexpr std::int64_t kBad = 17;
int errors_naming(Loader& loader, const std::string& tensor, const std::string& chunk) {
  int errors = 0;
  for (std::uint64_t number = 0; number < 40; ++number) {
    const auto epoch = loader.start({0, 1, 2}, {3}, {5, number});
    try {
      epoch->next(test::kNoInterrupt);
    } catch (const base::Error& error) {
      ++errors;
      EXPECT_EQ(error.kind(), base::ErrorKind::kDecode);
      EXPECT_EQ(error.tensor(), tensor);
      EXPECT_EQ(error.sample(), kBad);
      EXPECT_EQ(error.chunk(), chunk);
    }
  }
  return errors;
}

TEST(Detection, AReadersImageThatIsMixedInIsNamed) {
  test::Dataset dataset = test::make_dataset({.color = decode::Color::kBgr});
  dataset.sources[0].reader = std::make_shared<OneBadHead>(kBad);
  EXPECT_GT(errors_naming(*make_loader(dataset, mixing(), {.threads = 2}), "images", ""), 0);
}

TEST(Detection, MasksThatAreMixedInAreNamedAsMasks) {
  const test::Dataset dataset = test::make_dataset({.color = decode::Color::kBgr, .masks = true});
  step::LoadAnnotations load;
  load.with_mask = true;
  step::CopyPaste paste;
  step::Resize same_size;
  same_size.img_scale = std::vector<step::Size>{{16, 12}};
  same_size.keep_ratio = false;
  DetectionSpec spec = spec_of({step::LoadImage{}, load, same_size, paste, step::Format{true}});
  spec.masks = MaskSource{2, std::nullopt, true};
  spec.table.mask_rows[kBad] = 7;  // of one
  Loader loader(test::opened(dataset.store), dataset.sources, {.threads = 2}, std::make_shared<batch::HeapAllocator>(),
                spec);
  EXPECT_GT(errors_naming(loader, "masks", dataset.chunk_of(2, kBad)), 0);
}

TEST(Detection, AnImageInThePlaceOfARejectedOneIsNamed) {
  test::Dataset dataset = test::make_dataset({.color = decode::Color::kBgr});
  dataset.damage(0, kBad);
  step::FilterAnnotations filter;
  filter.min_gt_bbox_wh = {3, 2};
  DetectionSpec spec = spec_of({step::LoadImage{}, step::LoadAnnotations{}, filter, step::Format{true}});
  for (const std::size_t item : {0, 1, 2}) spec.table.boxes[item] = {2, 2, 3, 3};
  Loader loader(test::opened(dataset.store), dataset.sources, {.threads = 2}, std::make_shared<batch::HeapAllocator>(),
                spec);
  EXPECT_GT(errors_naming(loader, "images", dataset.chunk_of(0, kBad)), 0);
}

TEST(Detection, AStepWithACacheNeedsThePlacesOfAllItems) {
  const test::Dataset dataset = test::make_dataset({.color = decode::Color::kBgr});
  const auto loader = make_loader(dataset, mixing_again(), {});
  const auto few = std::make_shared<const transform::EpochPlaces>(test::in_order(kSamples - 1));
  for (const Randomness& random : {Randomness{1, 1}, Randomness{1, 1, few}}) {
    const auto epoch = loader->start({kBad}, {1}, random);
    EXPECT_THROW(epoch->next(test::kNoInterrupt), std::logic_error);
  }
}

TEST(Detection, AStepThatFailsBlamesNoStoredBytes) {
  const test::Dataset dataset = test::make_dataset({.color = decode::Color::kBgr});
  step::FilterAnnotations filter;
  filter.min_gt_bbox_wh = {1000, 1000};
  const auto loader = make_loader(dataset, {step::LoadImage{}, step::LoadAnnotations{}, filter, step::Format{}}, {});
  const auto epoch = loader->start({kBad}, {1}, {});
  const base::Error error = test::error_of([&] { epoch->next(test::kNoInterrupt); });
  EXPECT_EQ(error.kind(), base::ErrorKind::kTransform);
  EXPECT_EQ(error.sample(), kBad) << "the sample asked for, not the last of those in its place";
  EXPECT_EQ(error.tensor(), "");
  EXPECT_EQ(error.chunk(), "");
}

TEST(Detection, APipelineThatRejectsEverythingEnds) {
  const test::Dataset dataset = test::make_dataset({.color = decode::Color::kBgr});
  step::FilterAnnotations filter;
  filter.min_gt_bbox_wh = {1000, 1000};
  const auto loader = make_loader(dataset, {step::LoadImage{}, step::LoadAnnotations{}, filter, step::Format{}}, {});
  const auto epoch = loader->start(test::in_order(kSamples), test::batch_ends(kSamples, 4), {});
  EXPECT_EQ(test::kind_of([&] { epoch->next(test::kNoInterrupt); }), base::ErrorKind::kTransform);
}

}  // namespace
}  // namespace penstock::pipeline
