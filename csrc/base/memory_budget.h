#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>

namespace penstock::base {

/// How many bytes a loader holds, of batches and of what they are made of, and how many it may. It counts and refuses
/// nobody: who takes memory asks first. Thread-safe; memory that is held may outlive the loader.
class MemoryBudget : public std::enable_shared_from_this<MemoryBudget> {
 public:
  /// What is asked of storage is coming: it is not held yet, and chunks that are have to leave room for it.
  enum class Use : std::uint8_t { kBatches, kChunks, kComing };
  static constexpr std::uint64_t kUnlimited = ~std::uint64_t{0};

  /// `chunk_share` of the limit is set apart for chunks, whether they are there or not.
  explicit MemoryBudget(std::uint64_t limit = kUnlimited, std::uint64_t chunk_share = 0)
      : limit_(limit), chunk_share_(chunk_share) {}
  MemoryBudget(const MemoryBudget&) = delete;
  MemoryBudget& operator=(const MemoryBudget&) = delete;

  /// Bytes that are held for as long as it lives.
  class Hold {
   public:
    Hold() = default;
    Hold(std::shared_ptr<MemoryBudget> budget, Use use, std::uint64_t bytes) noexcept
        : budget_(std::move(budget)), use_(use), bytes_(bytes) {
      if (budget_ != nullptr) budget_->add(use_, bytes_);
    }
    ~Hold() {
      if (budget_ != nullptr) budget_->release(use_, bytes_);
    }
    Hold(Hold&& other) noexcept : budget_(std::move(other.budget_)), use_(other.use_), bytes_(other.bytes_) {}
    Hold& operator=(Hold&& other) noexcept {
      std::swap(budget_, other.budget_);
      std::swap(use_, other.use_);
      std::swap(bytes_, other.bytes_);
      return *this;
    }

   private:
    std::shared_ptr<MemoryBudget> budget_;
    Use use_ = Use::kBatches;
    std::uint64_t bytes_ = 0;
  };

  Hold hold(Use use, std::uint64_t bytes) noexcept { return {shared_from_this(), use, bytes}; }

  bool limited() const { return limit_ != kUnlimited; }
  std::uint64_t held() const { return batches_ + chunks_; }
  /// The most that was held at a time.
  std::uint64_t peak() const { return peak_; }

  /// Whether so many bytes more of batches are within the limit.
  bool has_room_for_batches(std::uint64_t bytes) const {
    if (!limited()) return true;
    const std::uint64_t taken = batches_ + std::max<std::uint64_t>(chunks_, chunk_share_);
    return taken <= limit_ && bytes <= limit_ - taken;
  }
  /// How many bytes are held beyond the limit.
  std::uint64_t over() const { return held() > limit_ ? held() - limit_ : 0; }
  /// By how much chunks take more than their share, with those that are coming and so many bytes more.
  std::uint64_t chunks_over(std::uint64_t bytes = 0) const {
    const std::uint64_t chunks = chunks_ + coming_ + bytes;
    return limited() && chunks > chunk_share_ ? chunks - chunk_share_ : 0;
  }

  /// `released` is called when memory has come free that somebody awaits, once for each await(): on any thread, under
  /// a lock. It must not throw. Nothing ends that.
  void on_release(std::function<void()> released) noexcept {
    const std::lock_guard lock(mutex_);
    released_.swap(released);
  }
  /// To be called before asking for room: what comes free from then on is told.
  void await() noexcept { awaited_ = true; }
  /// Memory has come free that is held on: it may be used again.
  void tell() noexcept {
    if (!awaited_ || !awaited_.exchange(false)) return;
    const std::lock_guard lock(mutex_);
    if (released_) released_();
  }

 private:
  void add(Use use, std::uint64_t bytes) noexcept {
    count_of(use) += bytes;
    const std::uint64_t now = held();
    std::uint64_t peak = peak_;
    while (now > peak && !peak_.compare_exchange_weak(peak, now)) continue;
  }
  void release(Use use, std::uint64_t bytes) noexcept {
    count_of(use) -= bytes;
    tell();
  }

  std::atomic<std::uint64_t>& count_of(Use use) noexcept {
    return use == Use::kBatches ? batches_ : use == Use::kChunks ? chunks_ : coming_;
  }

  const std::uint64_t limit_;
  const std::uint64_t chunk_share_;
  std::atomic<std::uint64_t> batches_{0};
  std::atomic<std::uint64_t> chunks_{0};
  std::atomic<std::uint64_t> coming_{0};
  std::atomic<std::uint64_t> peak_{0};
  std::atomic<bool> awaited_{false};
  std::mutex mutex_;
  std::function<void()> released_;
};

}  // namespace penstock::base
