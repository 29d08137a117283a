#pragma once

#include <memory>

#include "base/bytes.h"
#include "decode/image_decoder.h"
#include "format/tensor_format.h"
#include "transform/pixels/pixel_source.h"

namespace penstock::pipeline {

/// Begins to decode an image of uint8: a JPEG row by row, others at once. `encoded` must outlive the source.
/// Errors as decode::decode_image, now or while rows are read.
std::unique_ptr<transform::PixelSource> open_image(format::Compression compression, base::Bytes encoded,
                                                   const base::Shape& stored, decode::Color color);

}  // namespace penstock::pipeline
