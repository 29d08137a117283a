#include "pipeline/decode_item.h"

#include <algorithm>
#include <string>
#include <vector>

#include "base/error.h"
#include "decode/image_decoder.h"
#include "decode/raw.h"
#include "format/tiling.h"

namespace penstock::pipeline {
namespace {

/// The most bytes of pixels or elements that a byte of encoded data can stand for: a JPEG needs a bit for each block
/// of 64 coefficients; deflate and LZ4 reach 1032 and 255, and a PNG may pack eight pixels in a byte; a gray image may
/// come out in three channels. A shape that claims more is a lie, found before memory is taken for it.
std::uint64_t most_expansion(format::Compression compression) {
  switch (compression) {
    case format::Compression::kJpeg:
      return std::uint64_t{8} * 64 * 4 * 3;
    case format::Compression::kPng:
      return std::uint64_t{1032} * 8 * 3;
    case format::Compression::kLz4:
      return std::uint64_t{255} * 3;
    case format::Compression::kNone:
      return 3;
  }
  return 1;
}

/// Most bytes of a tile that has none stored: Deep Lake writes such tiles for samples that are filled in later.
constexpr std::uint64_t kLargestHole = std::uint64_t{256} << 20;

bool is_hole(const FetchedSample& tile) { return tile.stored.empty(); }

void check_bytes(const TensorSource& source, const FetchedSample& piece, bool is_tile) {
  const base::Shape shape = output_shape(source, piece.shape);
  const auto bytes = base::checked_byte_count(shape, source.format.item_size);
  const std::uint64_t most = is_tile && is_hole(piece)
                                 ? kLargestHole
                                 : most_expansion(source.format.sample_compression) * piece.stored.size();
  if (bytes && *bytes <= most) return;
  std::string text;
  for (const std::uint32_t extent : shape) text += (text.empty() ? "" : " x ") + std::to_string(extent);
  throw base::Error(base::ErrorKind::kDecode,
                    std::to_string(piece.stored.size()) + " bytes cannot hold a sample of the stated shape (" + text +
                        ")",
                    base::kDamagedChunk);
}

/// An item, or a tile of one.
void decode_piece(const TensorSource& source, const FetchedSample& piece, base::MutableBytes target) {
  const format::TensorFormat& format = source.format;
  if (format.is_image) {
    decode::decode_image(format.sample_compression, piece.stored, piece.shape, format.item_size, source.color, target);
  } else if (format.as_bytes) {
    decode::copy_array(format::Compression::kNone, piece.stored, target);
  } else {
    decode::copy_array(format.sample_compression, piece.stored, target);
  }
}

void decode_tile(const TensorSource& source, const FetchedSample& tile, const format::Tiling::Block& block,
                 const base::Shape& whole, base::MutableBytes target) {
  const std::size_t item_size = source.format.item_size;
  std::vector<std::byte> pixels(*base::checked_byte_count(block.shape, item_size));
  if (!is_hole(tile)) decode_piece(source, tile, pixels);
  format::copy_block(pixels, block, whole, item_size, target);
}

}  // namespace

base::Shape output_shape(const TensorSource& source, const base::Shape& stored) {
  return source.format.is_image ? decode::decoded_shape(stored, source.color) : stored;
}

void check_plausible(const TensorSource& source, const FetchedSample& item) {
  if (item.tiles.empty()) return check_bytes(source, item, false);
  for (const FetchedSample& tile : item.tiles) check_bytes(source, tile, true);
}

void decode_item(const TensorSource& source, const FetchedSample& item, base::MutableBytes target) {
  if (item.tiles.empty()) return decode_piece(source, item, target);
  const bool converted = source.format.is_image && source.color != decode::Color::kNative;
  const format::Tiling tiling = converted ? item.tiling->in_color() : *item.tiling;
  for (std::size_t number = 0; number < item.tiles.size(); ++number) {
    try {
      decode_tile(source, item.tiles[number], tiling.block(number), tiling.sample, target);
    } catch (base::Error& error) {
      error.set_place(source.format.name, -1, item.tiles[number].chunk);
      throw;
    }
  }
}

}  // namespace penstock::pipeline
