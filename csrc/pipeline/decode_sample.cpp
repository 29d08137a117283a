#include "pipeline/decode_sample.h"

#include <string>

#include "base/error.h"
#include "decode/claims.h"
#include "decode/image_decoder.h"
#include "decode/raw.h"

namespace penstock::pipeline {
namespace {

base::Shape decoded_shape(const TensorSource& source, const base::Shape& stated) {
  return source.format.is_image && !source.format.as_bytes ? decode::decoded_shape(stated, source.color) : stated;
}

}  // namespace

base::Shape output_shape(const TensorSource& source, const FetchedSample& sample) {
  const format::TensorFormat& format = source.format;
  base::Shape shape = decoded_shape(source, sample.shape);
  // What comes out as bytes is decompressed already.
  if (!format.as_bytes) decode::check_claim(format.sample_compression, sample.stored, shape, format.item_size);
  return shape;
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

void decode_sample(const TensorSource& source, const FetchedSample& sample, base::MutableBytes target) {
  const format::TensorFormat& format = source.format;
  if (format.as_bytes) {
    decode::copy_array(format::Compression::kNone, sample.stored, target);
  } else if (format.is_image) {
    decode::decode_image(format.sample_compression, sample.stored, sample.shape, format.item_size, source.color,
                         target);
    if (format.is_bool) decode::make_truth_values(target);
  } else {
    decode::copy_array(format.sample_compression, sample.stored, target);
  }
}

}  // namespace penstock::pipeline
