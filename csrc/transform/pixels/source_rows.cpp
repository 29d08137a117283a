#include "transform/pixels/source_rows.h"

#include <algorithm>
#include <utility>

#include "transform/pixels/row_kernels.h"

namespace penstock::transform {
namespace {

class StreamedRows final : public SourceRows {
 public:
  explicit StreamedRows(std::unique_ptr<base::RowSource> source)
      : source_(std::move(source)),
        extent_{static_cast<std::int32_t>(source_->height()), static_cast<std::int32_t>(source_->width())},
        channels_(source_->channels()),
        stride_((static_cast<std::size_t>(extent_.width) * 4 + 8 + 63) / 64 * 64),
        band_(stride_ * kBand) {
    if (channels_ != 4) narrow_ = Scratch(static_cast<std::size_t>(extent_.width) * channels_ * kBand);
  }

  Extent extent() const override { return extent_; }
  bool is_float() const override { return false; }
  void keep_columns(std::int32_t begin, std::int32_t end) override {
    source_->keep_columns(static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end));
  }
  const std::byte* row(std::int32_t number) override {
    if (number > end_) {
      source_->skip(static_cast<std::uint32_t>(number - end_));
      end_ = number;
    }
    if (number == end_) read_band();
    return band_.as<std::byte>() + static_cast<std::size_t>(number - begin_) * stride_;
  }
  void finish() override { source_->finish(); }

 private:
  /// A row of 8x8 blocks: what libjpeg makes at once.
  static constexpr std::int32_t kBand = 8;

  void read_band() {
    const auto count = static_cast<std::uint32_t>(std::min(kBand, extent_.height - end_));
    begin_ = end_;
    end_ += static_cast<std::int32_t>(count);
    auto* const rows = band_.as<std::uint8_t>();
    if (channels_ == 4) {
      source_->read(rows, stride_, count);
      return;
    }
    const auto width = static_cast<std::size_t>(extent_.width);
    source_->read(narrow_.as<std::uint8_t>(), width * channels_, count);
    for (std::uint32_t i = 0; i < count; ++i) {
      kernels::widen_pixels(narrow_.as<std::uint8_t>() + i * width * channels_, channels_, width, rows + i * stride_);
    }
  }

  std::unique_ptr<base::RowSource> source_;
  Extent extent_;
  std::uint32_t channels_;
  std::size_t stride_;
  Scratch band_;
  Scratch narrow_;
  std::int32_t begin_ = 0;
  std::int32_t end_ = 0;
};

/// Rows that lie in memory.
class HeldRows final : public SourceRows {
 public:
  explicit HeldRows(std::unique_ptr<base::RowSource> source) : source_(std::move(source)) {}

  Extent extent() const override {
    return {static_cast<std::int32_t>(source_->height()), static_cast<std::int32_t>(source_->width())};
  }
  bool is_float() const override { return false; }
  void keep_columns(std::int32_t, std::int32_t) override {}
  const std::byte* row(std::int32_t number) override {
    const std::size_t stride = std::size_t{source_->width()} * 4;
    return reinterpret_cast<const std::byte*>(source_->in_memory() + static_cast<std::size_t>(number) * stride);
  }
  void finish() override { source_->finish(); }

 private:
  std::unique_ptr<base::RowSource> source_;
};

class ImageRows final : public SourceRows {
 public:
  explicit ImageRows(const Image& image) : image_(image) {}
  Extent extent() const override { return image_.extent; }
  bool is_float() const override { return image_.is_float; }
  void keep_columns(std::int32_t, std::int32_t) override {}
  const std::byte* row(std::int32_t number) override {
    return image_.is_float ? reinterpret_cast<const std::byte*>(image_.pixel<float>(number, 0))
                           : reinterpret_cast<const std::byte*>(image_.pixel<std::uint8_t>(number, 0));
  }
  void finish() override {}

 private:
  const Image& image_;
};

}  // namespace

std::unique_ptr<SourceRows> stream_rows(std::unique_ptr<base::RowSource> source) {
  static_assert(base::RowSource::kOverrun >= Scratch::kOverrun);
  if (source->channels() == 4 && source->in_memory() != nullptr) return std::make_unique<HeldRows>(std::move(source));
  return std::make_unique<StreamedRows>(std::move(source));
}

std::unique_ptr<SourceRows> image_rows(const Image& image) { return std::make_unique<ImageRows>(image); }

}  // namespace penstock::transform
