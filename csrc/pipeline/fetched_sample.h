#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "decode/codec.h"
#include "format/tiling.h"

namespace penstock::pipeline {

/// An item (a sample, or one of a sequence) as it is stored, with what keeps its bytes alive. One that comes out as
/// bytes is decompressed already: its shape is known only then.
struct FetchedSample {
  base::Bytes stored;  ///< nothing, where the item is in tiles
  base::Shape shape;
  std::shared_ptr<const void> owner = nullptr;
  /// `stored` holds pixels or elements as they are, whatever compression the tensor's format names.
  bool raw = false;
  /// `stored` holds what a codec has kept of the file (decode::Keep).
  bool is_kept = false;
  /// Where that is to go, when the image is decoded; often nowhere.
  decode::Keep keep = {};
  /// The tiles of an item that is in tiles, each of the shape of its place, and how it is cut; lives as long as the
  /// fetcher's sources.
  std::vector<FetchedSample> tiles = {};
  const format::Tiling* tiling = nullptr;
  std::string chunk = {};  ///< of a tile: its chunk, for error messages
};

}  // namespace penstock::pipeline
