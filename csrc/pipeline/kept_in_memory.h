#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "pipeline/kept_images.h"

namespace penstock::pipeline {

/// In memory, for as long as the loader lives; of every tensor, whoever reads it.
class KeptInMemory final : public KeptImages {
 public:
  KeptInMemory(std::uint64_t limit_bytes, base::Stats& stats) : KeptImages(stats), limit_bytes_(limit_bytes) {}

  void find(std::size_t tensor, const TensorSource& source, std::vector<std::int64_t> items,
            const base::Answer<KeptSamples>& answer) noexcept override;

 private:
  struct Entry {
    base::Shape shape;
    base::OwnedBytes bytes;
  };
  /// By tensor and item; in parts, so that threads seldom wait for each other.
  struct Part {
    std::mutex mutex;
    std::vector<std::unordered_map<std::int64_t, std::shared_ptr<const Entry>>> by_tensor;
  };

  Part& part_of(std::int64_t item) { return parts_[static_cast<std::uint64_t>(item) % parts_.size()]; }
  bool has_room() const noexcept override { return !is_full_; }
  void keep(std::size_t tensor, const TensorSource& source, std::int64_t item, const base::Shape& shape,
            base::OwnedBytes bytes) override;

  const std::uint64_t limit_bytes_;
  std::atomic<std::uint64_t> bytes_{0};
  std::atomic<bool> is_full_{false};
  std::array<Part, 16> parts_;
};

}  // namespace penstock::pipeline
