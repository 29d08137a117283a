#include "pipeline/stored_images.h"

#include <gtest/gtest.h>

#include <chrono>
#include <vector>

#include "support/expect_error.h"
#include "support/jpeg_files.h"

namespace penstock::pipeline {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::uint32_t kHeight = 900, kWidth = 1200;

struct OneImage {
  test::ByteVector file = test::encode_jpeg(test::make_picture(kHeight, kWidth, 3, 1));
  std::vector<TensorSource> sources = one_source();
  Fetched fetched{Wanted(sources, std::vector<std::int64_t>{4})};
  std::vector<std::size_t> reads{0};
  std::atomic<std::uint64_t> decode_ns{0};
  std::atomic<std::uint64_t> rest_ns{0};

  /// Of the file, only so much is stored.
  explicit OneImage(double part = 1) {
    file.resize(static_cast<std::size_t>(part * static_cast<double>(file.size())));
    fetched.make_room();
    fetched.set(0, 0, {file, {kHeight, kWidth, 3}});
  }

  static std::vector<TensorSource> one_source() {
    std::vector<TensorSource> sources(1);
    sources[0].format.name = "images";
    sources[0].format.is_image = true;
    sources[0].format.sample_compression = format::Compression::kJpeg;
    sources[0].color = decode::Color::kBgr;
    sources[0].index = {{7}, {9}, {0}, {""}};
    return sources;
  }
};

TEST(StoredImages, TimeDecodingFromOpeningToTheEnd) {
  OneImage image;
  Clock::duration decoding{0};
  {
    base::SplitTimer timer(image.decode_ns, image.rest_ns);
    StoredImages images(image.fetched, image.reads, 0, timer);
    const auto timed = [&](const auto& work) {
      const auto start = Clock::now();
      work();
      decoding += Clock::now() - start;
    };
    std::unique_ptr<base::RowSource> opened;
    timed([&] { opened = images.open(0); });
    const std::size_t stride = std::size_t{kWidth + 16} * opened->channels();
    std::vector<std::uint8_t> rows(stride * 8);
    for (std::uint32_t row = 0; row + 8 <= kHeight / 2; row += 8) timed([&] { opened->read(rows.data(), stride, 8); });
    timed([&] { opened->finish(); });
  }
  const auto expected = static_cast<std::uint64_t>(std::chrono::nanoseconds(decoding).count());
  EXPECT_LE(image.decode_ns, expected);
  // The clock's own time is all that lies between the two, wherever this thread is put to sleep.
  EXPECT_GE(image.decode_ns, expected / 10 * 9);
}

TEST(StoredImages, NameTheImageThatCannotBeOpened) {
  OneImage image(0.0002);
  base::SplitTimer timer(image.decode_ns, image.rest_ns);
  StoredImages images(image.fetched, image.reads, 0, timer);
  const base::Error error = test::error_of([&] { images.open(0); });
  EXPECT_EQ(error.kind(), base::ErrorKind::kDecode);
  EXPECT_EQ(error.sample(), 4);
  EXPECT_EQ(error.tensor(), "images");
}

TEST(StoredImages, NameTheImageWhoseRowsAreDamaged) {
  OneImage image(0.5);
  base::SplitTimer timer(image.decode_ns, image.rest_ns);
  StoredImages images(image.fetched, image.reads, 0, timer);
  const auto opened = images.open(0);
  const base::Error error = test::error_of([&] { opened->finish(); });
  EXPECT_EQ(error.kind(), base::ErrorKind::kDecode);
  EXPECT_EQ(error.sample(), 4);
  EXPECT_EQ(error.tensor(), "images");
  EXPECT_EQ(error.chunk(), image.sources[0].chunk_of(4));
}

}  // namespace
}  // namespace penstock::pipeline
