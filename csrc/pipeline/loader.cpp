#include "pipeline/loader.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "pipeline/epoch.h"
#include "pipeline/read_schedule.h"
#include "pipeline/stored_recipe.h"

namespace penstock::pipeline {
namespace {

constexpr std::uint64_t kCacheShare = 4;
constexpr std::uint64_t kReadAheadShare = 8;
constexpr std::uint64_t kImageShare = 8;

/// Images beside those that a sample may be made of: threads are at different samples.
constexpr std::size_t kImagesOfOthers = 16;

bool shares_images(const std::optional<DetectionSpec>& detection) {
  return detection && transform::has_cache(detection->program);
}

/// With what chunks may take of a limit on memory.
LoaderOptions within_limit(LoaderOptions options, bool shares_images) {
  options.image_bytes = shares_images ? std::min(options.image_bytes, options.memory_limit / kImageShare) : 0;
  options.cache_bytes = std::min(options.cache_bytes, options.memory_limit / kCacheShare);
  options.read_ahead_bytes = std::min(options.read_ahead_bytes, options.memory_limit / kReadAheadShare);
  return options;
}

std::unique_ptr<const Recipe> make_recipe(std::optional<DetectionSpec> detection,
                                          const std::vector<TensorSource>& sources, base::Stats& stats,
                                          std::uint64_t image_bytes,
                                          const std::shared_ptr<base::MemoryBudget>& budget) {
  if (!detection) return std::make_unique<StoredRecipe>(sources, stats);
  std::unique_ptr<DecodedImages> images;
  if (image_bytes > 0) {
    images =
        std::make_unique<DecodedImages>(transform::reach(detection->program) + kImagesOfOthers, image_bytes, budget);
  }
  return std::make_unique<DetectionRecipe>(std::move(*detection), sources, stats, std::move(images));
}

bool has_reader(const std::vector<TensorSource>& sources) {
  return std::any_of(sources.begin(), sources.end(),
                     [](const TensorSource& source) { return source.reader != nullptr; });
}

}  // namespace

Loader::Loader(std::shared_ptr<storage::Store> store, std::vector<TensorSource> sources, LoaderOptions options,
               std::shared_ptr<batch::BufferAllocator> allocator, std::optional<DetectionSpec> detection)
    : sources_(std::move(sources)),
      options_(within_limit(options, shares_images(detection))),
      store_(std::move(store), stats_),
      budget_(std::make_shared<base::MemoryBudget>(
          options_.memory_limit, options_.cache_bytes + options_.read_ahead_bytes + options_.image_bytes)),
      fetcher_(store_, sources_, options_.cache_bytes, decode_threads_, stats_, budget_),
      recipe_(make_recipe(std::move(detection), sources_, stats_, options_.image_bytes, budget_)),
      // One for each batch in flight, one for the batch just handed out, one for the batch before it, which a for
      // loop still holds then.
      memory_(recipe_->outputs(), allocator, options_.keep_slabs ? options_.prefetch + 2 : 0, budget_),
      resources_{sources_,        fetcher_,        *recipe_, memory_,           *budget_,
                 reader_threads_, decode_threads_, stats_,   options_.prefetch, options_.read_ahead_bytes},
      reader_threads_("penstock-rd", has_reader(sources_) ? options_.reader_threads : 0),
      decode_threads_("penstock-dec", options_.threads) {
  if (!budget_->limited()) return;
  // Memory comes free wherever its last user is, which may be anywhere and hold any lock.
  budget_->on_release([this] {
    try {
      decode_threads_.submit([this] { use_free_memory(); }, base::ThreadPool::Turn::kUrgent);
    } catch (...) {
      return;  // the batch that is waited for gets its memory from who waits
    }
  });
}

Loader::~Loader() { stop(); }

std::shared_ptr<Epoch> Loader::start(Order order, std::vector<std::size_t> batch_ends, Randomness random,
                                     const std::shared_ptr<Epoch>& before) {
  ReadSchedule schedule(sources_, chunk_sizes(), store_.bytes_worth_a_request(), order.samples(), batch_ends);
  std::shared_ptr<Epoch> epoch;
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) throw base::Error(base::ErrorKind::kClosed, "the loader is closed");
    epoch = std::make_shared<Epoch>(resources_, std::move(order), std::move(batch_ends), std::move(schedule), random,
                                    epochs_started_++, before);
    std::erase_if(epochs_, [](const std::weak_ptr<Epoch>& other) { return other.expired(); });
    epochs_.push_back(epoch);
  }
  if (before != nullptr) before->followed_by(epoch);
  epoch->start();
  return epoch;
}

void Loader::begin_stop() noexcept {
  std::vector<std::weak_ptr<Epoch>> epochs;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    epochs.swap(epochs_);
  }
  budget_->on_release(nullptr);
  for (const std::weak_ptr<Epoch>& weak : epochs) {
    if (const std::shared_ptr<Epoch> epoch = weak.lock()) epoch->close();
  }
  store_.begin_stop();
  reader_threads_.begin_stop();
  decode_threads_.begin_stop();
}

bool Loader::stop(base::Deadline deadline) noexcept {
  begin_stop();
  const bool store_ended = store_.stop(deadline);
  const bool readers_ended = reader_threads_.stop(deadline);
  return decode_threads_.stop(deadline) && readers_ended && store_ended;
}

void Loader::abandon(const std::shared_ptr<const void>& owner) noexcept {
  begin_stop();
  store_.abandon(owner);
  reader_threads_.abandon(owner);
  decode_threads_.abandon(owner);
}

void Loader::use_free_memory() noexcept {
  std::vector<std::shared_ptr<Epoch>> epochs;
  try {
    const std::lock_guard lock(mutex_);
    for (const std::weak_ptr<Epoch>& weak : epochs_) epochs.push_back(weak.lock());
  } catch (...) {
    return;  // as above
  }
  for (const std::shared_ptr<Epoch>& epoch : epochs) {
    if (epoch != nullptr) epoch->use_free_memory();
  }
}

const ChunkSizes& Loader::chunk_sizes() {
  std::call_once(sizes_once_, [this] { sizes_.emplace(sources_, store_, options_.cache_bytes); });
  return *sizes_;
}

}  // namespace penstock::pipeline
