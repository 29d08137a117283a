#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "base/memory_budget.h"
#include "base/row_source.h"

namespace penstock::pipeline {

/// Stored images as they are decoded, for as long as other samples are likely to need them: those that were used last.
/// What needs one while another thread decodes it waits for that: the thread is at work, and waits for nobody.
/// Thread-safe.
class DecodedImages {
 public:
  /// Begins to decode an image. What it throws, and what reading rows throws, goes to whoever has called open().
  using Open = std::function<std::unique_ptr<base::RowSource>()>;

  /// Keeps at most so many images, and so many bytes, which the budget counts among chunks.
  DecodedImages(std::size_t most_images, std::uint64_t most_bytes, std::shared_ptr<base::MemoryBudget> budget);

  /// The rows of a stored sample's image, of which they hold on to what they need. One that would take more than a
  /// quarter of what may be kept is decoded as its rows are read, and not kept.
  std::unique_ptr<base::RowSource> open(std::int64_t sample, const Open& open);

  /// How many images were decoded to be kept, and how often one was found.
  std::uint64_t decoded() const;
  std::uint64_t found() const;

 private:
  class Pixels;
  class Rows;
  using Pointer = std::shared_ptr<const Pixels>;

  struct Entry {
    Pointer pixels;  ///< null while a thread decodes it
    std::list<std::int64_t>::iterator position;
  };

  /// Null where the caller is the one to decode it, and then to call end().
  Pointer find(std::int64_t sample);
  void end(std::int64_t sample, Pointer pixels) noexcept;

  const std::size_t most_images_;
  const std::uint64_t most_bytes_;
  const std::shared_ptr<base::MemoryBudget> budget_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;  ///< an image under way is there, or given up
  std::unordered_map<std::int64_t, Entry> entries_;
  std::list<std::int64_t> recent_;  ///< those that are there, the one that was used last first
  std::uint64_t bytes_ = 0;
  std::uint64_t decoded_ = 0;
  std::uint64_t found_ = 0;
};

}  // namespace penstock::pipeline
