#include "pipeline/stored_images.h"

#include <utility>

#include "pipeline/image_source.h"

namespace penstock::pipeline {
namespace {

/// An image whose decoding is timed and whose errors name it. Rows are read a few at a time, so the clock costs nothing
/// that could be measured.
class NamedSource final : public transform::PixelSource {
 public:
  NamedSource(std::unique_ptr<transform::PixelSource> image, const Job& job, Place place, const TensorSource& source,
              base::SplitTimer& timer)
      : image_(std::move(image)), job_(job), place_(place), source_(source), timer_(timer) {}

  transform::Extent extent() const override { return image_->extent(); }
  std::uint32_t channels() const override { return image_->channels(); }
  void read(std::uint8_t* rows, std::size_t stride, std::uint32_t count) override {
    const base::SplitTimer::Part part(timer_);
    job_.named(place_, source_, [&] { image_->read(rows, stride, count); });
  }
  void finish() override {
    const base::SplitTimer::Part part(timer_);
    job_.named(place_, source_, [&] { image_->finish(); });
  }

 private:
  std::unique_ptr<transform::PixelSource> image_;
  const Job& job_;
  const Place place_;
  const TensorSource& source_;
  base::SplitTimer& timer_;
};

}  // namespace

std::unique_ptr<transform::PixelSource> StoredImages::open(std::size_t number) {
  const std::size_t read = reads_[number];
  const Place place{job_.reads[read].position, read, tensor_, 0};
  const FetchedSample& sample = job_.fetched[tensor_][read];
  std::unique_ptr<transform::PixelSource> image;
  job_.named(place, source_, [&] {
    const base::SplitTimer::Part part(timer_);
    image = open_image(source_.compression_of(sample), sample.stored, sample.shape, source_.color);
  });
  return std::make_unique<NamedSource>(std::move(image), job_, place, source_, timer_);
}

}  // namespace penstock::pipeline
