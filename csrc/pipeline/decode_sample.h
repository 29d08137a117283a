#pragma once

#include "base/bytes.h"
#include "pipeline/fetch.h"
#include "pipeline/tensor_source.h"

namespace penstock::pipeline {

/// Shape of what a sample decodes to that is stored in so many bytes and states that shape. Error kDecode when they
/// could never hold it, or when an encoded image claims more than decode::kMostPixels: asked before memory is taken.
base::Shape output_shape(const TensorSource& source, const base::Shape& stated, std::uint64_t stored_bytes);

/// Decodes a fetched sample into `target`, which has exactly the bytes of output_shape(). Errors as decode_image().
void decode_sample(const TensorSource& source, const FetchedSample& sample, base::MutableBytes target);

}  // namespace penstock::pipeline
