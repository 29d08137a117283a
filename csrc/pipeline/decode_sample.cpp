#include "pipeline/decode_sample.h"

#include "decode/image_decoder.h"
#include "decode/raw.h"

namespace penstock::pipeline {

base::Shape output_shape(const TensorSource& source, const base::Shape& stated, std::uint64_t stored_bytes) {
  base::Shape shape = source.format.is_image ? decode::decoded_shape(stated, source.color) : stated;
  check_plausible(source.format, stored_bytes, shape);
  return shape;
}

void decode_sample(const TensorSource& source, const FetchedSample& sample, base::MutableBytes target) {
  if (source.format.is_image) {
    decode::decode_image(source.format.sample_compression, sample.stored, sample.shape, source.format.item_size,
                         source.color, target);
  } else if (source.format.as_bytes) {
    decode::copy_array(format::Compression::kNone, sample.stored, target);
  } else {
    decode::copy_array(source.format.sample_compression, sample.stored, target);
  }
}

}  // namespace penstock::pipeline
