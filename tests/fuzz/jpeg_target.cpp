#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/error.h"
#include "decode/image_decoder.h"
#include "decode/jpeg/rows.h"
#include "decode/jpeg/turbo_reader.h"
#include "targets.h"

namespace penstock::fuzz {
namespace {

/// Larger images are decoded by the same code, slowly.
constexpr std::uint64_t kMostPixels = std::uint64_t{1} << 13;

constexpr decode::Color kColors[] = {decode::Color::kNative, decode::Color::kRgb, decode::Color::kBgr,
                                     decode::Color::kGray};

/// In what way an input is decoded. Its length decides, so that an input takes no longer than one way does, and reaches
/// the others by a byte behind its end.
struct Way {
  explicit Way(std::size_t length)
      : color(kColors[length % 4]), padded(length / 4 % 2 == 1), in_part(length / 8 % 2 == 1) {}

  decode::Color color;
  bool padded;
  bool in_part;  ///< rows at the top are passed over, columns on both sides are not needed
};

std::uint32_t word_at(base::Bytes bytes, std::size_t offset) {
  return std::to_integer<std::uint32_t>(bytes[offset]) << 8U | std::to_integer<std::uint32_t>(bytes[offset + 1]);
}

/// What the first frame header says.
decode::ImageSize claimed_size(base::Bytes file) {
  for (std::size_t at = 0; at + 10 <= file.size(); ++at) {
    const std::uint32_t marker = word_at(file, at);
    // SOF0 to SOF15, less DHT, JPG and DAC.
    if (marker < 0xFFC0 || marker > 0xFFCF || marker == 0xFFC4 || marker == 0xFFC8 || marker == 0xFFCC) continue;
    return {word_at(file, at + 5), word_at(file, at + 7), std::to_integer<std::uint32_t>(file[at + 9])};
  }
  return {8, 8, 3};
}

/// The pixels that are needed, or the words of the error that they end in.
struct Outcome {
  std::vector<std::uint8_t> pixels;
  std::string error;
};

Outcome outcome_of(base::RowSource& rows, bool in_part) {
  Outcome outcome;
  const std::uint32_t channels = rows.channels(), skipped = in_part ? rows.height() / 3 : 0;
  const std::uint32_t begin = in_part ? rows.width() / 4 : 0, end = in_part ? rows.width() - begin / 2 : rows.width();
  std::vector<std::uint8_t> row(std::size_t{rows.width()} * channels);
  try {
    if (in_part) rows.keep_columns(begin, end);
    rows.skip(skipped);
    for (std::uint32_t number = skipped; number < rows.height(); ++number) {
      rows.read(row.data(), row.size(), 1);
      // The fourth byte of a pixel means nothing.
      for (std::size_t at = 3; channels == 4 && at < row.size(); at += 4) row[at] = 0;
      outcome.pixels.insert(outcome.pixels.end(), row.begin() + begin * channels, row.begin() + end * channels);
    }
    rows.finish();
  } catch (const base::Error& error) {
    return {{}, error.what()};
  }
  return outcome;
}

/// Whether this project's own decoder takes the file; it then gives what libjpeg-turbo gives.
bool decode_alike(base::Bytes file, const decode::ImageSize& size, const Way& way) {
  const auto own = decode::jpeg::open_rows(file, size, way.color, way.padded);
  if (own == nullptr) return false;
  const Outcome found = outcome_of(*own, way.in_part);
  Outcome expected;
  try {
    decode::TurboReader reader(file, size, way.color, way.padded);
    expected = outcome_of(reader, way.in_part);
  } catch (const base::Error& error) {
    expected.error = error.what();
  }
  if (found.error != expected.error || found.pixels != expected.pixels) std::abort();
  return true;
}

void decode_as_loaders_do(base::Bytes file, const decode::ImageSize& size, decode::Color color) {
  const base::Shape shape{size.height, size.width, size.channels};
  try {
    std::vector<std::byte> pixels(*base::checked_byte_count(decode::decoded_shape(shape, color), 1));
    decode::decode_image(format::Compression::kJpeg, file, shape, 1, color, pixels);
  } catch (const base::Error&) {
  }
}

}  // namespace

void jpeg(base::Bytes input) {
  const decode::ImageSize size = claimed_size(input);
  if (std::uint64_t{size.height} * size.width > kMostPixels) return;
  const Way way(input.size());
  if (!decode_alike(input, size, way)) decode_as_loaders_do(input, size, way.color);
}

}  // namespace penstock::fuzz
