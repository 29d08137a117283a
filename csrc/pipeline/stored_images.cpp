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
    error.set_place(source_.format.name, read.sample, source_.chunk_of(read.sample));
    throw;
  }
}

}  // namespace penstock::pipeline
