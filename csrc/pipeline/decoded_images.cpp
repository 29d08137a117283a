#include "pipeline/decoded_images.h"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

namespace penstock::pipeline {

/// An image in memory.
class DecodedImages::Pixels {
 public:
  Pixels(base::RowSource& rows, const std::shared_ptr<base::MemoryBudget>& budget)
      : height(rows.height()),
        width(rows.width()),
        channels(rows.channels()),
        bytes(bytes_of(rows)),
        memory_(std::make_unique_for_overwrite<std::uint8_t[]>(bytes + base::RowSource::kOverrun)),
        hold_(budget->hold(base::MemoryBudget::Use::kChunks, bytes)) {
    rows.read(memory_.get(), stride(), height);
    rows.finish();
    std::memset(memory_.get() + bytes, 0, base::RowSource::kOverrun);
  }

  static std::size_t bytes_of(const base::RowSource& rows) {
    return std::size_t{rows.height()} * rows.width() * rows.channels();
  }

  const std::uint8_t* data() const { return memory_.get(); }
  std::size_t stride() const { return std::size_t{width} * channels; }

  const std::uint32_t height, width, channels;
  const std::size_t bytes;

 private:
  std::unique_ptr<std::uint8_t[]> memory_;
  base::MemoryBudget::Hold hold_;
};

class DecodedImages::Rows final : public base::RowSource {
 public:
  explicit Rows(Pointer pixels) : pixels_(std::move(pixels)) {}

  std::uint32_t height() const override { return pixels_->height; }
  std::uint32_t width() const override { return pixels_->width; }
  std::uint32_t channels() const override { return pixels_->channels; }
  void read(std::uint8_t* rows, std::size_t stride, std::uint32_t count) override {
    for (; count > 0; --count, ++row_, rows += stride) {
      std::memcpy(rows, pixels_->data() + row_ * pixels_->stride(), pixels_->stride());
    }
  }
  void skip(std::uint32_t count) override { row_ += count; }
  void finish() override {}
  const std::uint8_t* in_memory() const override { return pixels_->data(); }

 private:
  const Pointer pixels_;
  std::size_t row_ = 0;
};

DecodedImages::DecodedImages(std::size_t most_images, std::uint64_t most_bytes,
                             std::shared_ptr<base::MemoryBudget> budget)
    : most_images_(most_images), most_bytes_(most_bytes), budget_(std::move(budget)) {}

std::unique_ptr<base::RowSource> DecodedImages::open(std::int64_t sample, const Open& open) {
  Pointer pixels = find(sample);
  if (pixels == nullptr) {
    std::unique_ptr<base::RowSource> rows;
    try {
      rows = open();
      if (Pixels::bytes_of(*rows) <= most_bytes_ / 4) pixels = std::make_shared<const Pixels>(*rows, budget_);
    } catch (...) {
      end(sample, nullptr);
      throw;
    }
    end(sample, pixels);
    if (pixels == nullptr) return rows;
  }
  return std::make_unique<Rows>(std::move(pixels));
}

DecodedImages::Pointer DecodedImages::find(std::int64_t sample) {
  std::unique_lock lock(mutex_);
  while (true) {
    const auto [found, added] = entries_.try_emplace(sample);
    if (added) return nullptr;
    if (found->second.pixels != nullptr) {
      recent_.splice(recent_.begin(), recent_, found->second.position);
      ++found_;
      return found->second.pixels;
    }
    changed_.wait(lock);
  }
}

void DecodedImages::end(std::int64_t sample, Pointer pixels) noexcept {
  std::vector<Pointer> dropped;  // freed outside the lock: megabytes take time
  {
    const std::lock_guard lock(mutex_);
    const auto entry = entries_.find(sample);
    try {
      if (pixels != nullptr) {
        dropped.reserve(entries_.size());
        recent_.push_front(sample);
        entry->second = {std::move(pixels), recent_.begin()};
        bytes_ += entry->second.pixels->bytes;
        ++decoded_;
      } else {
        entries_.erase(entry);
      }
      while (recent_.size() > most_images_ || bytes_ > most_bytes_) {
        const auto last = entries_.find(recent_.back());
        bytes_ -= last->second.pixels->bytes;
        dropped.push_back(std::move(last->second.pixels));
        entries_.erase(last);
        recent_.pop_back();
      }
    } catch (...) {
      entries_.erase(entry);  // no memory to keep it
    }
  }
  changed_.notify_all();
}

std::uint64_t DecodedImages::decoded() const {
  const std::lock_guard lock(mutex_);
  return decoded_;
}

std::uint64_t DecodedImages::found() const {
  const std::lock_guard lock(mutex_);
  return found_;
}

}  // namespace penstock::pipeline
