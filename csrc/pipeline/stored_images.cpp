#include "pipeline/stored_images.h"

#include "base/error.h"
#include "pipeline/image_source.h"

namespace penstock::pipeline {
std::unique_ptr<transform::PixelSource> StoredImages::open(std::size_t number) {
  const Read& read = job_.reads[reads_[number]];
  const FetchedSample& sample = job_.fetched[tensor_][reads_[number]];
  try {
    return open_image(source_.compression_of(sample), sample.stored, sample.shape, source_.color);
  } catch (base::Error& error) {
    const std::int64_t item = source_.stored(read.sample);
    error.set_place(source_.format.name, item, source_.chunk_of(item));
    throw;
  }
}

}  // namespace penstock::pipeline
