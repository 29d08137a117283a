#include "pipeline/stored_images.h"

#include <utility>

#include "pipeline/decode_sample.h"

namespace penstock::pipeline {
namespace {

/// An image whose decoding is timed and whose errors name it. Rows are read a few at a time, so the clock costs nothing
/// that could be measured.
class NamedRows final : public base::RowSource {
 public:
  NamedRows(std::unique_ptr<base::RowSource> image, const Wanted& wanted, FaultPlace place, base::SplitTimer& timer)
      : image_(std::move(image)), wanted_(wanted), place_(place), timer_(timer) {}

  std::uint32_t height() const override { return image_->height(); }
  std::uint32_t width() const override { return image_->width(); }
  std::uint32_t channels() const override { return image_->channels(); }
  void read(std::uint8_t* rows, std::size_t stride, std::uint32_t count) override {
    const base::SplitTimer::Part part(timer_);
    wanted_.named(place_, [&] { image_->read(rows, stride, count); });
  }
  void skip(std::uint32_t count) override {
    const base::SplitTimer::Part part(timer_);
    wanted_.named(place_, [&] { image_->skip(count); });
  }
  void keep_columns(std::uint32_t begin, std::uint32_t end) override { image_->keep_columns(begin, end); }
  void finish() override {
    const base::SplitTimer::Part part(timer_);
    wanted_.named(place_, [&] { image_->finish(); });
  }

 private:
  std::unique_ptr<base::RowSource> image_;
  const Wanted& wanted_;
  const FaultPlace place_;
  base::SplitTimer& timer_;
};

}  // namespace

std::unique_ptr<base::RowSource> StoredImages::open(std::size_t number) {
  const std::size_t read = reads_[number];
  if (shared_ == nullptr) return decode(read);
  return shared_->open(fetched_.wanted().reads()[read].sample, [&] { return decode(read); });
}

std::unique_ptr<base::RowSource> StoredImages::decode(std::size_t read) {
  const Wanted& wanted = fetched_.wanted();
  const FaultPlace place{wanted.reads()[read].position, read, tensor_, 0};
  const TensorSource& source = wanted.sources()[tensor_];
  const FetchedSample& sample = fetched_.of_read(tensor_, read);
  std::unique_ptr<base::RowSource> image;
  wanted.named(place, [&] {
    const base::SplitTimer::Part part(timer_);
    image = open_sample(source, sample);
  });
  return std::make_unique<NamedRows>(std::move(image), wanted, place, timer_);
}

}  // namespace penstock::pipeline
