#include "support/fetching.h"

#include <future>
#include <utility>

#include "support/opened.h"

namespace penstock::test {
namespace {

/// An answer, and what waits for it.
template <class T>
class Waiting {
 public:
  base::Answer<T> answer() const {
    return base::Answer<T>([promise = promise_](base::Result<T> result) { promise->set_value(std::move(result)); });
  }
  T take() { return promise_->get_future().get().take(); }

 private:
  std::shared_ptr<std::promise<base::Result<T>>> promise_ = std::make_shared<std::promise<base::Result<T>>>();
};

}  // namespace

Fetching::Fetching(std::shared_ptr<storage::Files> files, const std::vector<pipeline::TensorSource>& sources,
                   std::uint64_t cache_bytes, base::Stats& stats)
    : sources_(sources),
      store_(opened(std::move(files)), stats),
      threads_("penstock-dec", 2),
      fetcher_(store_, sources, cache_bytes, threads_, stats) {}

Fetching::~Fetching() {
  store_.stop(base::Deadline::max());
  threads_.stop();
}

pipeline::FetchedSample Fetching::fetch(std::size_t tensor, std::int64_t item, bool whole) {
  const format::ChunkIndex& index = sources_[tensor].index;
  if (index.tiles.contains(item)) {
    Waiting<pipeline::FetchedSample> waiting;
    fetcher_.fetch_tiles(tensor, item, whole, waiting.answer());
    return waiting.take();
  }
  const format::ChunkIndex::Location location = index.locate(item);
  return fetch(tensor, location.row, {location.local_index}, whole).front().take();
}

pipeline::FetchedSamples Fetching::fetch(std::size_t tensor, std::uint32_t row,
                                         const std::vector<std::uint64_t>& local_indices, bool whole) {
  Waiting<pipeline::Fetcher::ChunkPointer> chunk;
  fetcher_.open(tensor, row, whole, [answer = chunk.answer()](base::Result<pipeline::Fetcher::ChunkPointer> opened) {
    answer.give(std::move(opened));
  });
  Waiting<pipeline::FetchedSamples> samples;
  fetcher_.read(tensor, row, chunk.take(), local_indices, samples.answer());
  return samples.take();
}

}  // namespace penstock::test
