#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/kept_images.h"
#include "storage/disk_cache/cache_header.h"
#include "storage/disk_cache/disk_cache.h"
#include "storage/store.h"

namespace penstock::pipeline {

/// In files of a folder, for all processes that use it: one for each image, named after its place in the dataset. The
/// version of its chunk, which the storage is asked for once, says whether it still stands. Of tensors in chunks.
class KeptInFiles final : public KeptImages {
 public:
  /// `roots`: which datasets the keys are of, to all processes; of a storage::JoinedStore one for each of its stores.
  KeptInFiles(std::shared_ptr<storage::DiskCache> cache, std::vector<std::string> roots, storage::Store& store,
              base::Stats& stats);
  ~KeptInFiles() override { stop(base::Deadline::max()); }

  void find(std::size_t tensor, const TensorSource& source, std::vector<std::int64_t> items,
            const base::Answer<KeptSamples>& answer) noexcept override;

  /// To be told of every object that comes from the store: of chunks that change nothing is kept.
  void saw(const std::string& key, const storage::Object& object) noexcept;

  void begin_stop() noexcept override { cache_->begin_stop(); }
  bool stop(base::Deadline deadline) noexcept override { return cache_->stop(deadline); }
  void abandon(const std::shared_ptr<const void>& owner) noexcept override { cache_->abandon(owner); }

 private:
  /// Items of a chunk that somebody looks for.
  struct Search {
    std::string chunk;
    std::vector<std::uint64_t> local_indices;
    base::Answer<KeptSamples> answer;
  };
  using SearchPointer = std::shared_ptr<const Search>;
  /// What is known of a chunk: its version; empty where it has none, or has had several.
  struct Chunk {
    std::optional<std::string> version;
    std::vector<SearchPointer> waiting;  ///< until the storage has said it; none where it has not been asked
  };

  bool reaches(const TensorSource& source) const override { return source.reader == nullptr; }
  bool has_room() const noexcept override { return !is_full_; }
  void keep(std::size_t tensor, const TensorSource& source, std::int64_t item, const base::Shape& shape,
            base::OwnedBytes bytes) override;
  std::optional<std::string> version_of(const std::string& chunk);
  storage::disk_cache::Label label_of(const std::string& chunk, std::uint64_t local_index) const;
  void ask(const SearchPointer& search);
  void take_answer(const std::string& chunk, const std::exception_ptr& error) noexcept;
  void look(const SearchPointer& search) noexcept;
  void tell_of_missing_versions();
  std::optional<FetchedSample> read(const storage::disk_cache::Label& label, const std::string& version);

  const std::shared_ptr<storage::DiskCache> cache_;
  const std::vector<std::string> roots_;
  storage::Store& store_;
  storage::DiskCacheStats disk_stats_;
  mutable std::mutex mutex_;
  std::map<std::string, Chunk> chunks_;
  bool told_ = false;
  std::atomic<bool> is_full_{false};
};

}  // namespace penstock::pipeline
