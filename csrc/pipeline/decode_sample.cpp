#include "pipeline/decode_sample.h"

#include <cstddef>
#include <string>
#include <vector>

#include "base/error.h"
#include "decode/claims.h"
#include "decode/image_decoder.h"
#include "decode/raw.h"
#include "format/tiling.h"

namespace penstock::pipeline {
namespace {

base::Shape decoded_shape(const TensorSource& source, const base::Shape& stated) {
  return source.format.is_image && !source.format.as_bytes ? decode::decoded_shape(stated, source.color) : stated;
}

/// Most bytes of a tile that has none stored: Deep Lake writes such tiles for samples that are filled in later.
constexpr std::uint64_t kLargestHole = std::uint64_t{256} << 20;

bool is_hole(const FetchedSample& tile) { return tile.stored.empty(); }

void check_hole(const TensorSource& source, const FetchedSample& tile) {
  const auto bytes = base::checked_byte_count(decoded_shape(source, tile.shape), source.format.item_size);
  if (bytes && *bytes <= kLargestHole) return;
  throw base::Error(base::ErrorKind::kDecode, "a tile of the sample has no bytes and is too large to be left out",
                    base::kDamagedChunk);
}

/// Runs a step of one tile; its errors name the tile's chunk, which is not the item's first.
template <class Step>
void of_tile(const TensorSource& source, const FetchedSample& tile, Step step) {
  try {
    step();
  } catch (base::Error& error) {
    error.set_place(source.format.name, -1, tile.chunk);
    throw;
  }
}

/// An item, or a tile of one.
void check_piece(const TensorSource& source, const FetchedSample& piece) {
  const format::TensorFormat& format = source.format;
  if (format.as_bytes) return;  // decompressed already
  // What is kept of an image is no smaller than its file could be.
  decode::check_claim(source.compression_of(piece), piece.stored, decoded_shape(source, piece.shape), format.item_size);
}

void decode_piece(const TensorSource& source, const FetchedSample& piece, base::MutableBytes target) {
  const format::TensorFormat& format = source.format;
  if (format.as_bytes) {
    decode::copy_array(format::Compression::kNone, piece.stored, target);
  } else if (format.is_image) {
    const format::Compression compression = source.compression_of(piece);
    if (piece.is_kept) {
      decode::decode_kept(compression, piece.stored, piece.shape, source.color, target);
    } else {
      decode::decode_image(compression, piece.stored, piece.shape, format.item_size, source.color, target, piece.keep);
    }
    if (format.is_bool) decode::make_truth_values(target);
  } else {
    decode::copy_array(source.compression_of(piece), piece.stored, target);
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

base::Shape output_shape(const TensorSource& source, const FetchedSample& item) {
  if (item.tiles.empty()) check_piece(source, item);
  for (const FetchedSample& tile : item.tiles) {
    of_tile(source, tile, [&] { is_hole(tile) ? check_hole(source, tile) : check_piece(source, tile); });
  }
  return decoded_shape(source, item.shape);
}

void check_structure(const TensorSource& source, const base::Shape& stated, std::uint64_t stored_bytes) {
  const format::TensorFormat& format = source.format;
  if (format.as_bytes) return;
  decode::check_claim(format.sample_compression, stored_bytes, decoded_shape(source, stated), format.item_size);
  if (format.sample_compression != format::Compression::kNone) return;
  const std::uint64_t needed = *base::checked_byte_count(stated, format.item_size);
  if (needed != stored_bytes) {
    throw base::Error(base::ErrorKind::kDecode, "the sample has " + std::to_string(stored_bytes) +
                                                    " bytes, its shape needs " + std::to_string(needed));
  }
}

std::unique_ptr<base::RowSource> open_sample(const TensorSource& source, const FetchedSample& image) {
  const format::Compression compression = source.compression_of(image);
  if (image.is_kept) return decode::open_kept(compression, image.stored, image.shape, source.color);
  return decode::open_image(compression, image.stored, image.shape, source.color, image.keep);
}

void decode_sample(const TensorSource& source, const FetchedSample& item, base::MutableBytes target) {
  if (item.tiles.empty()) return decode_piece(source, item, target);
  const bool converted = source.format.is_image && source.color != decode::Color::kNative;
  const format::Tiling tiling = converted ? item.tiling->recolored(source.color == decode::Color::kGray) : *item.tiling;
  for (std::size_t number = 0; number < item.tiles.size(); ++number) {
    of_tile(source, item.tiles[number],
            [&] { decode_tile(source, item.tiles[number], tiling.block(number), tiling.sample, target); });
  }
}

}  // namespace penstock::pipeline
