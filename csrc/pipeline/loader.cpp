#include "pipeline/loader.h"

#include <utility>

#include "base/error.h"
#include "pipeline/epoch.h"
#include "pipeline/read_policy.h"
#include "pipeline/stored_recipe.h"

namespace penstock::pipeline {
namespace {

std::vector<batch::SlabPool> make_pools(std::size_t tensors, const std::shared_ptr<batch::BufferAllocator>& allocator,
                                        std::size_t most_kept) {
  std::vector<batch::SlabPool> pools;
  for (std::size_t i = 0; i < tensors; ++i) pools.emplace_back(allocator, most_kept);
  return pools;
}

std::unique_ptr<const Recipe> make_recipe(std::optional<DetectionSpec> detection,
                                          const std::vector<TensorSource>& sources, base::Stats& stats) {
  if (detection) return std::make_unique<DetectionRecipe>(std::move(*detection), sources, stats);
  return std::make_unique<StoredRecipe>(sources, stats);
}

}  // namespace

Loader::Loader(std::shared_ptr<storage::Store> store, std::vector<TensorSource> sources, LoaderOptions options,
               std::shared_ptr<batch::BufferAllocator> allocator, std::optional<DetectionSpec> detection)
    : store_(std::move(store)),
      sources_(std::move(sources)),
      options_(options),
      fetcher_(*store_, sources_, options_.cache_bytes, stats_),
      recipe_(make_recipe(std::move(detection), sources_, stats_)),
      // One for each batch in flight, one for the batch just handed out, one for the batch before it, which a for
      // loop still holds then.
      slabs_(make_pools(recipe_->outputs(), allocator, options_.keep_slabs ? options_.prefetch + 2 : 0)),
      resources_{sources_, fetcher_, *recipe_, slabs_, io_threads_, decode_threads_, stats_, options_.prefetch},
      io_threads_("penstock-io", options_.io_threads),
      decode_threads_("penstock-dec", options_.threads) {}

Loader::~Loader() { stop(); }

std::shared_ptr<Epoch> Loader::start(Order order, std::vector<std::size_t> batch_ends, Randomness random) {
  ReadPolicy policy(sources_, fitting_tensors(), order.samples());
  auto epoch = std::make_shared<Epoch>(resources_, std::move(order), std::move(batch_ends), std::move(policy), random);
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) throw base::Error(base::ErrorKind::kClosed, "the loader is closed");
    std::erase_if(epochs_, [](const std::weak_ptr<Epoch>& other) { return other.expired(); });
    epochs_.push_back(epoch);
  }
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
  for (const std::weak_ptr<Epoch>& weak : epochs) {
    if (const std::shared_ptr<Epoch> epoch = weak.lock()) epoch->close();
  }
  io_threads_.begin_stop();
  decode_threads_.begin_stop();
}

bool Loader::stop(base::Deadline deadline) noexcept {
  begin_stop();
  const bool reading_ended = io_threads_.stop(deadline);
  return decode_threads_.stop(deadline) && reading_ended;
}

void Loader::abandon(const std::shared_ptr<const void>& owner) noexcept {
  begin_stop();
  io_threads_.abandon(owner);
  decode_threads_.abandon(owner);
}

std::size_t Loader::slabs_allocated() const {
  std::size_t total = 0;
  for (const batch::SlabPool& pool : slabs_) total += pool.allocated();
  return total;
}

const std::vector<bool>& Loader::fitting_tensors() {
  std::call_once(fits_once_, [this] { fits_ = tensors_that_fit(sources_, *store_, options_.cache_bytes); });
  return fits_;
}

}  // namespace penstock::pipeline
