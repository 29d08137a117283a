// Memory that runs out anywhere: a program of its own, since it replaces `operator new`.
#include <gtest/gtest.h>

#include <memory>
#include <new>
#include <optional>
#include <string>
#include <tuple>

#include "batch/buffer.h"
#include "pipeline/detection_recipe.h"
#include "pipeline/epoch.h"
#include "pipeline/loader.h"
#include "pipeline/verify.h"
#include "support/dataset.h"
#include "support/failing_new.h"

namespace penstock::pipeline {
namespace {

namespace step = transform::step;
using test::FailingNew;
using test::Threads;

constexpr std::int64_t kSamples = 6;
/// More than any of these runs needs.
constexpr std::size_t kMostAllocations = 20'000;

enum class Kind { kStored, kMixed, kMasks };

std::optional<DetectionSpec> spec_of(Kind kind) {
  if (kind == Kind::kStored) return std::nullopt;
  DetectionSpec spec;
  step::LoadAnnotations load;
  load.with_mask = kind == Kind::kMasks;
  if (kind == Kind::kMasks) {
    // Every third sample is rejected: another is fetched in its place.
    step::FilterAnnotations filter;
    filter.min_gt_bbox_wh = {3, 3};
    spec.program = transform::make_program({step::LoadImage{}, load, filter, step::Format{}});
    spec.masks = MaskSource{2, std::nullopt, true};
  } else {
    step::Mosaic mosaic;
    mosaic.img_scale = {24, 32};
    spec.program = transform::make_program({step::LoadImage{}, load, mosaic, step::Format{}});
  }
  transform::AnnotationTable& table = spec.table;
  for (std::int64_t i = 0; i < kSamples; ++i) {
    table.indices.push_back(i);
    table.flags.push_back(0);
    table.offsets.push_back(i);
    const float extent = i % 3 == 0 ? 2.0F : 5.0F;
    table.boxes.push_back({1, 1, 1 + extent, 1 + extent});
    table.labels.push_back(i);
    table.mask_rows.push_back(0);
  }
  table.offsets.push_back(kSamples);
  table.ignored_offsets.assign(kSamples + 1, 0);
  return spec;
}

/// Does `work` again and again, another allocation failing each time, until there are no more. It must come to its end
/// or throw: `prepare` gives what it works on.
template <class Prepare, class Work>
void fail_each(Threads threads, bool for_good, Prepare prepare, Work work) {
  std::size_t errors = 0;
  std::size_t number = 1;
  for (bool reached = true; reached && number < kMostAllocations; ++number) {
    const auto subject = prepare();
    const FailingNew failing(threads, number, for_good);
    bool ended = false;
    try {
      work(*subject);
      ended = true;
    } catch (const std::bad_alloc&) {
      ++errors;
    } catch (const base::Error&) {
      ++errors;
    }
    reached = failing.reached();
    EXPECT_TRUE(ended || reached) << "an error without cause";
  }
  EXPECT_LT(number, kMostAllocations);
  EXPECT_GT(number, 3U);
  EXPECT_GT(errors, number / 2) << "of " << number;
}

using Parameter = std::tuple<Kind, Threads, bool>;

class LoaderAllocations : public testing::TestWithParam<Parameter> {
 protected:
  test::Dataset dataset_ = test::make_dataset(
      {.samples = kSamples, .images_per_chunk = 2, .boxes_per_chunk = 3, .color = decode::Color::kBgr, .masks = true});
};

TEST_P(LoaderAllocations, EachThatFailsEndsInAnErrorOrIsDoneWithout) {
  const auto [kind, threads, for_good] = GetParam();
  const std::optional<DetectionSpec> spec = spec_of(kind);
  const auto prepare = [&] {
    return std::make_unique<Loader>(test::opened(dataset_.store), dataset_.sources, LoaderOptions{.prefetch = 2},
                                    std::make_shared<batch::HeapAllocator>(), spec);
  };
  fail_each(threads, for_good, prepare, [&](Loader& loader) {
    std::shared_ptr<Epoch> epoch;
    std::int64_t samples = 0;
    {
      const FailingNew::Here here;
      epoch = loader.start({0, 1, 2, 3}, {2, 3, 4});
    }
    const auto next = [&] {
      const FailingNew::Here here;
      return epoch->next(test::kNoInterrupt);
    };
    while (const std::optional<batch::Batch> batch = next()) {
      samples += static_cast<std::int64_t>(batch->indices.size());
      if (!spec) test::expect_sound(dataset_, *batch);
    }
    EXPECT_EQ(samples, 4);
  });
}

std::string name_of(const testing::TestParamInfo<Parameter>& info) {
  constexpr const char* kKinds[] = {"Stored", "Mixed", "Masks"};
  const auto [kind, threads, for_good] = info.param;
  return std::string(kKinds[static_cast<int>(kind)]) + (threads == Threads::kPool ? "OnThreads" : "OfTheConsumer") +
         (for_good ? "ForGood" : "");
}

INSTANTIATE_TEST_SUITE_P(All, LoaderAllocations,
                         testing::Combine(testing::Values(Kind::kStored, Kind::kMixed, Kind::kMasks),
                                          testing::Values(Threads::kPool, Threads::kConsumer), testing::Bool()),
                         name_of);

class VerifierAllocations : public testing::TestWithParam<std::tuple<Threads, bool, bool>> {};

TEST_P(VerifierAllocations, EachThatFailsEndsInAnErrorOrAFinding) {
  const auto [threads, for_good, damaged] = GetParam();
  test::Dataset dataset = test::make_dataset({.samples = kSamples, .images_per_chunk = 2, .boxes_per_chunk = 3});
  if (damaged) dataset.damage(0, 3);
  const auto prepare = [] { return std::make_unique<int>(); };
  fail_each(threads, for_good, prepare, [&](int&) {
    std::int64_t samples = 0;
    std::size_t findings = 0;
    // Starting and stopping threads is ThreadPool's.
    Verifier verifier(test::opened(dataset.store), dataset.sources, VerifyOptions{});
    const auto next = [&] {
      const FailingNew::Here here;
      return verifier.next(test::kNoInterrupt);
    };
    while (const std::optional<CheckedChunk> chunk = next()) {
      samples += chunk->samples;
      findings += chunk->findings.size();
    }
    EXPECT_EQ(samples, 2 * kSamples);
    EXPECT_GE(findings, damaged ? 1U : 0U);
    if (findings > (damaged ? 1U : 0U)) throw std::bad_alloc();  // it was found, as what it is
  });
}

INSTANTIATE_TEST_SUITE_P(All, VerifierAllocations,
                         testing::Combine(testing::Values(Threads::kPool, Threads::kConsumer), testing::Bool(),
                                          testing::Bool()));

}  // namespace
}  // namespace penstock::pipeline
