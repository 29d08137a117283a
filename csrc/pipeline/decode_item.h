#pragma once

#include "base/bytes.h"
#include "pipeline/fetch.h"
#include "pipeline/tensor_source.h"

namespace penstock::pipeline {

/// Shape of an item's array, given the shape that is stored.
base::Shape output_shape(const TensorSource& source, const base::Shape& stored);

/// Error kDecode, or kChunkFormat of a tile, when an item's bytes cannot stand for its shape: found before memory is
/// taken for it.
void check_plausible(const TensorSource& source, const FetchedSample& item);

/// Decodes an item, tile by tile where it is in tiles, into `target`, which has exactly the bytes of its output_shape().
void decode_item(const TensorSource& source, const FetchedSample& item, base::MutableBytes target);

}  // namespace penstock::pipeline
