#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/answer.h"
#include "base/bytes.h"
#include "base/stats.h"
#include "base/thread_pool.h"
#include "pipeline/fetched_sample.h"
#include "pipeline/tensor_source.h"

namespace penstock::pipeline {

/// Which items were found, each as it may take the place of a stored one; nothing where one is not there.
using KeptSamples = std::vector<std::optional<FetchedSample>>;

/// What codecs have kept of images that were decoded, for epochs to come: such an image is neither fetched nor decoded
/// from its file again. It takes what comes until it is full, and lets go of nothing. Thread-safe.
class KeptImages {
 public:
  explicit KeptImages(base::Stats& stats) : stats_(stats) {}
  virtual ~KeptImages() = default;
  KeptImages(const KeptImages&) = delete;
  KeptImages& operator=(const KeptImages&) = delete;

  /// Whether the items of a tensor may be kept.
  bool covers(const TensorSource& source) const;

  /// Items of one chunk of a tensor. Answers at once, or on a thread that must not be kept; whatever goes wrong,
  /// nothing was found.
  virtual void find(std::size_t tensor, const TensorSource& source, std::vector<std::int64_t> items,
                    const base::Answer<KeptSamples>& answer) noexcept = 0;

  /// Has the decoder of an item of a tensor keep what it may, if that is worth it.
  void have_kept(std::size_t tensor, const TensorSource& source, std::int64_t item, FetchedSample& sample);

  virtual void begin_stop() noexcept {}
  /// begin_stop(), then waits until what was kept is there. False where the deadline came first. Idempotent.
  virtual bool stop(base::Deadline /*deadline*/) noexcept { return true; }
  virtual void abandon(const std::shared_ptr<const void>& /*owner*/) noexcept {}

 protected:
  /// Whether its items can be found again.
  virtual bool reaches(const TensorSource& /*source*/) const { return true; }
  /// Whether there is room for more, as far as can be told.
  virtual bool has_room() const noexcept = 0;
  /// Of an item that was decoded. It is a favour: it may throw, and be left.
  virtual void keep(std::size_t tensor, const TensorSource& source, std::int64_t item, const base::Shape& shape,
                    base::OwnedBytes bytes) = 0;
  /// As they take the place of stored ones.
  static FetchedSample sample_of(base::Shape shape, base::Bytes bytes, std::shared_ptr<const void> owner);
  void count_found(const KeptSamples& samples) noexcept;
  void count_kept(std::uint64_t bytes) noexcept;

 private:
  base::Stats& stats_;
};

}  // namespace penstock::pipeline
