#include "decode/jpeg/rows.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "base/error.h"
#include "decode/jpeg/turbo_reader.h"
#include "support/bytes.h"
#include "support/jpeg_encoder.h"
#include "support/jpeg_files.h"

namespace penstock::decode {
namespace {

using test::ByteVector;
using test::JpegOptions;
using test::Picture;

constexpr Color kColors[] = {Color::kNative, Color::kRgb, Color::kBgr, Color::kGray};

/// Rows, or what they end in.
struct Outcome {
  std::vector<std::uint8_t> pixels;
  std::string error;

  friend bool operator==(const Outcome&, const Outcome&) = default;
};

/// `pieces`: of how many rows at a time. `rows`: after so many, the rest is passed over.
Outcome outcome_of(base::RowSource& source, std::uint32_t rows, std::mt19937& pieces) {
  Outcome outcome;
  const std::size_t stride = std::size_t{source.width()} * source.channels();
  outcome.pixels.resize(stride * rows);
  try {
    for (std::uint32_t done = 0; done < rows;) {
      const std::uint32_t count = std::min<std::uint32_t>(rows - done, static_cast<std::uint32_t>(1 + pieces() % 20));
      source.read(outcome.pixels.data() + done * stride, stride, count);
      done += count;
    }
    source.finish();
  } catch (const base::Error& error) {
    outcome.error = error.what();
  }
  // The fourth byte of a pixel means nothing.
  if (source.channels() == 4) {
    for (std::size_t i = 3; i < outcome.pixels.size(); i += 4) outcome.pixels[i] = 0;
  }
  return outcome;
}

Outcome by_libjpeg(const ByteVector& file, const ImageSize& size, Color color, bool padded, std::uint32_t rows) {
  std::mt19937 pieces(1);
  try {
    TurboReader reader(file, size, color, padded);
    return outcome_of(reader, rows, pieces);
  } catch (const base::Error& error) {
    return {{}, error.what()};
  }
}

/// Whether this decoder took the file; what it gives is what libjpeg-turbo gives.
bool expect_equal(const ByteVector& file, const ImageSize& size, Color color, std::mt19937& generator) {
  const bool padded = generator() % 2 == 0;
  const auto part = static_cast<std::uint32_t>(generator() % (size.height + 1));
  const std::uint32_t rows = generator() % 3 == 0 ? part : size.height;
  std::unique_ptr<base::RowSource> own;
  try {
    own = jpeg::open_rows(file, size, color, padded);
  } catch (const base::Error& error) {
    ADD_FAILURE() << "opening never fails: " << error.what();
  }
  if (own == nullptr) return false;
  const Outcome expected = by_libjpeg(file, size, color, padded, rows);
  const Outcome found = outcome_of(*own, rows, generator);
  EXPECT_EQ(found.error, expected.error);
  // Of a file that ends in an error, the rows before may have been given or not.
  if (expected.error.empty()) {
    EXPECT_EQ(found.pixels, expected.pixels);
  }
  return true;
}

/// In all colors.
bool expect_equal(const ByteVector& file, const ImageSize& size) {
  std::mt19937 generator(size.height * 31 + size.width);
  bool taken = false;
  for (const Color color : kColors) taken = expect_equal(file, size, color, generator) || taken;
  return taken;
}

struct Sampling {
  int across, down;
};

class JpegRows : public testing::TestWithParam<Sampling> {};

TEST_P(JpegRows, AreThoseOfLibjpegTurbo) {
  unsigned seed = 0;
  for (const std::uint32_t height : {1U, 2U, 7U, 8U, 9U, 15U, 16U, 17U, 31U, 33U}) {
    for (const std::uint32_t width : {1U, 3U, 4U, 5U, 8U, 9U, 16U, 17U, 32U, 33U, 70U}) {
      for (const std::uint32_t channels : {1U, 3U}) {
        const Picture picture = test::make_picture(height, width, channels, ++seed);
        const JpegOptions options{.across = GetParam().across,
                                  .down = GetParam().down,
                                  .quality = 30 + static_cast<int>(seed * 7 % 71),
                                  .restart_interval = seed % 3,
                                  .own_codes = seed % 2 == 0};
        const bool taken = expect_equal(test::encode_baseline(picture, options), {height, width, channels});
        const bool is_narrow = channels == 3 && options.across == 2 && width <= 4;
        EXPECT_EQ(taken, !is_narrow) << height << " x " << width << " x " << channels;
        if (HasFailure()) return;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Samplings, JpegRows,
                         testing::Values(Sampling{1, 1}, Sampling{2, 1}, Sampling{1, 2}, Sampling{2, 2},
                                         Sampling{4, 1}));

/// Rows and columns that nobody needs change nothing in the others.
TEST_P(JpegRows, AreTheSameInPart) {
  std::mt19937 generator(7);
  for (int round = 0; round < 60; ++round) {
    const auto height = static_cast<std::uint32_t>(1 + generator() % 90),
               width = static_cast<std::uint32_t>(5 + generator() % 120);
    const Picture picture = test::make_picture(height, width, 3, static_cast<unsigned>(round));
    const ByteVector file =
        test::encode_baseline(picture, {.across = GetParam().across, .down = GetParam().down, .quality = 40 + round});
    const Color color = kColors[generator() % 4];
    TurboReader reader(file, {height, width, 3}, color, true);
    const std::size_t channels = reader.channels(), stride = width * channels;
    std::vector<std::uint8_t> whole(stride * height), part(stride * height);
    reader.read(whole.data(), stride, height);

    const auto own = jpeg::open_rows(file, {height, width, 3}, color, true);
    if (own == nullptr) continue;
    const auto begin = static_cast<std::uint32_t>(generator() % width);
    const auto end = static_cast<std::uint32_t>(begin + 1 + generator() % (width - begin));
    own->keep_columns(begin, end);
    for (std::uint32_t row = 0; row < height;) {
      if (const auto skipped = static_cast<std::uint32_t>(generator() % 40);
          generator() % 3 == 0 && row + skipped < height) {
        own->skip(skipped);
        row += skipped;
      }
      const auto count = std::min(height - row, static_cast<std::uint32_t>(1 + generator() % 9));
      own->read(part.data() + row * stride, stride, count);
      for (std::uint32_t i = row; i < row + count; ++i) {
        for (std::size_t at = begin * channels; at < end * channels; ++at) {
          if (channels == 4 && at % 4 == 3) continue;
          ASSERT_EQ(part[i * stride + at], whole[i * stride + at])
              << "row " << i << ", byte " << at << ", round " << round;
        }
      }
      row += count;
    }
    EXPECT_NO_THROW(own->finish());
  }
}

TEST(JpegRowsTest, LeaveOtherKindsToLibjpegTurbo) {
  const Picture picture = test::make_picture(40, 40, 3, 5);
  EXPECT_FALSE(expect_equal(test::encode_jpeg(picture, test::Subsampling::k420, /*progressive=*/true), {40, 40, 3}));
  EXPECT_FALSE(expect_equal(test::encode_baseline(picture, {.rgb = true}), {40, 40, 3}));
  const ByteVector file = test::encode_baseline(picture, {});
  EXPECT_EQ(jpeg::open_rows(file, {40, 41, 3}, Color::kRgb, false), nullptr);
  EXPECT_EQ(jpeg::open_rows(file, {40, 40, 1}, Color::kRgb, false), nullptr);
}

/// Noise at full contrast: the largest coefficients that an encoder makes.
TEST(JpegRowsTest, NoiseAtAllQualities) {
  std::mt19937 generator(3);
  Picture picture{48, 56, 3, {}};
  for (std::size_t i = 0; i < std::size_t{48} * 56 * 3; ++i) {
    picture.pixels.push_back(generator() % 2 == 0 ? std::byte{0} : std::byte{255});
  }
  for (int quality = 1; quality <= 100; ++quality) {
    for (const int across : {1, 2}) {
      EXPECT_TRUE(expect_equal(test::encode_baseline(picture, {.across = across, .down = across, .quality = quality}),
                               {48, 56, 3}))
          << quality;
      if (HasFailure()) return;
    }
  }
}

/// Whatever is wrong in a file ends as it does with libjpeg-turbo.
TEST(JpegRowsTest, DamagedFilesEndAlike) {
  std::mt19937 generator(11);
  int taken = 0;
  for (int round = 0; round < 1000; ++round) {
    const Picture picture = test::make_picture(40, 56, round % 5 == 0 ? 1 : 3, static_cast<unsigned>(round % 7));
    ByteVector file = test::encode_baseline(picture, {.across = 1 + round % 2,
                                                      .down = 1 + round / 2 % 2,
                                                      .quality = 20 + round % 80,
                                                      .restart_interval = static_cast<unsigned>(round % 3 * 3),
                                                      .own_codes = round % 4 == 0});
    for (std::size_t hits = 1 + generator() % 3; hits > 0; --hits) {
      const std::size_t at = generator() % file.size();
      switch (generator() % 4) {
        case 0:
          file[at] = static_cast<std::byte>(generator() % 256);
          break;
        case 1:
          file[at] ^= static_cast<std::byte>(1U << generator() % 8);
          break;
        case 2:
          file.erase(file.begin() + static_cast<std::ptrdiff_t>(at));
          break;
        default:
          if (generator() % 4 == 0) file.resize(at + 1);
      }
    }
    taken += expect_equal(file, {40, 56, picture.channels}, kColors[generator() % 4], generator);
    ASSERT_FALSE(HasFailure()) << "round " << round;
  }
  EXPECT_GT(taken, 400);
}

}  // namespace
}  // namespace penstock::decode
