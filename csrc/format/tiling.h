#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace penstock::format {

/// How one sample is cut into tiles. They lie in row-major order; those at the far ends may be smaller. Built and
/// checked by the control plane from the tile encoder: both shapes have as many axes, and no extent is 0.
struct Tiling {
  base::Shape sample;
  base::Shape tile;

  /// The part of the sample that a tile covers.
  struct Block {
    base::Shape origin;
    base::Shape shape;
  };

  /// Number of tiles; the largest number that there is, where the shapes claim more.
  std::uint64_t count() const;
  /// `number` is below count().
  Block block(std::uint64_t number) const;
  /// The same cut of an image once it has three channels, or as gray no axis of them. Error kUnsupported when its
  /// channels are in different tiles.
  Tiling recolored(bool gray) const;

 private:
  std::uint64_t tiles_along(std::size_t axis) const {
    return (std::uint64_t{sample[axis]} + tile[axis] - 1) / tile[axis];
  }
};

/// Copies a tile into its place in the sample. Both are dense, in row-major order; `tile` has exactly the bytes of
/// `block`, `sample` those of a sample of the shape `sample_shape`.
void copy_block(base::Bytes tile, const Tiling::Block& block, const base::Shape& sample_shape, std::size_t item_size,
                base::MutableBytes sample);

}  // namespace penstock::format
