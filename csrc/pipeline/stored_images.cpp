#include "pipeline/stored_images.h"

#include <utility>

#include "base/error.h"
#include "pipeline/image_source.h"

namespace penstock::pipeline {
namespace {

/// An image whose decoding is timed. Rows are read a few at a time, so the clock costs nothing that could be measured.
class TimedSource final : public transform::PixelSource {
 public:
  TimedSource(std::unique_ptr<transform::PixelSource> image, base::SplitTimer& timer)
      : image_(std::move(image)), timer_(timer) {}

  transform::Extent extent() const override { return image_->extent(); }
  std::uint32_t channels() const override { return image_->channels(); }
  void read(std::uint8_t* rows, std::size_t stride, std::uint32_t count) override {
    const base::SplitTimer::Part part(timer_);
    image_->read(rows, stride, count);
  }
  void finish() override {
    const base::SplitTimer::Part part(timer_);
    image_->finish();
  }

 private:
  std::unique_ptr<transform::PixelSource> image_;
  base::SplitTimer& timer_;
};

}  // namespace

std::unique_ptr<transform::PixelSource> StoredImages::open(std::size_t number) {
  const Read& read = job_.reads[reads_[number]];
  const FetchedSample& sample = job_.fetched[tensor_][reads_[number]];
  try {
    const base::SplitTimer::Part part(timer_);
    return std::make_unique<TimedSource>(
        open_image(source_.compression_of(sample), sample.stored, sample.shape, source_.color), timer_);
  } catch (base::Error& error) {
    const std::int64_t item = source_.stored(read.sample);
    error.set_place(source_.format.name, item, source_.chunk_of(item));
    throw;
  }
}

}  // namespace penstock::pipeline
