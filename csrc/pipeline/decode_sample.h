#pragma once

#include <memory>

#include "base/bytes.h"
#include "base/row_source.h"
#include "pipeline/fetched_sample.h"
#include "pipeline/tensor_source.h"

namespace penstock::pipeline {

/// Shape of what an item (a sample, or one of a sequence) decodes to. Error kDecode when its bytes, or those of one of
/// its tiles, could never stand for it (see decode::check_claim): asked before memory is taken.
base::Shape output_shape(const TensorSource& source, const FetchedSample& item);

/// What can be said of a sample by its shape and the number of its bytes alone. Error kDecode.
void check_structure(const TensorSource& source, const base::Shape& stated, std::uint64_t stored_bytes);

/// The rows of a fetched image of uint8 that is not in tiles; it outlives them. Errors as decode::open_image().
std::unique_ptr<base::RowSource> open_sample(const TensorSource& source, const FetchedSample& image);

/// Decodes a fetched item, tile by tile where it is in tiles, into `target`, which has exactly the bytes of
/// output_shape(). Errors as decode_image().
void decode_sample(const TensorSource& source, const FetchedSample& item, base::MutableBytes target);

}  // namespace penstock::pipeline
