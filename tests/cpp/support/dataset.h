#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "pipeline/epoch.h"
#include "pipeline/loader.h"
#include "pipeline/tensor_source.h"
#include "storage/memory_files.h"
#include "support/bytes.h"
#include "support/faulty_files.h"
#include "support/opened.h"

namespace penstock::test {

/// A sample as a consumer sees it.
struct Array {
  base::Shape shape;
  ByteVector bytes;
  bool operator==(const Array&) const = default;
};

/// A dataset of small JPEGs ("images") and float boxes ("boxes", n x 4, n from 0 up) in memory, with what each sample
/// decodes to, found without the code under test.
struct Dataset {
  std::shared_ptr<storage::MemoryFiles> memory = std::make_shared<storage::MemoryFiles>();
  std::shared_ptr<FaultyFiles> store = std::make_shared<FaultyFiles>(memory);
  std::vector<pipeline::TensorSource> sources;
  std::vector<std::vector<Array>> expected;  ///< by tensor, by sample

  std::int64_t samples() const { return sources[0].index.samples(); }
  /// What is stored under a key.
  ByteVector object_of(const std::string& key) const;
  /// Key of the chunk that holds a sample.
  std::string chunk_of(std::size_t tensor, std::int64_t sample) const;
  /// Breaks a sample's bytes where they are stored, without changing their number.
  void damage(std::size_t tensor, std::int64_t sample);
};

struct DatasetOptions {
  std::uint32_t samples = 40;
  std::uint32_t images_per_chunk = 7;
  std::uint32_t boxes_per_chunk = 16;
  bool equal_sizes = false;  ///< all images, and all boxes, of one shape
  std::uint32_t scale = 1;   ///< images are so many times as high and as wide
  bool lz4_boxes = false;    ///< the boxes' chunks are compressed
  decode::Color color = decode::Color::kRgb;
  bool masks = false;  ///< a third tensor, "masks": one of each image's size, in chunks of as many as the boxes
};

Dataset make_dataset(const DatasetOptions& options = {});

/// 0, 1, ... count - 1.
std::vector<std::int64_t> in_order(std::int64_t count);
std::vector<std::int64_t> shuffled(std::int64_t count, unsigned seed);
/// Where batches of `batch_size` end.
std::vector<std::size_t> batch_ends(std::size_t count, std::size_t batch_size);

/// Never interrupted.
inline const std::function<void()> kNoInterrupt = [] {};

/// The samples of one tensor of a batch, copied out.
std::vector<Array> arrays_of(const batch::Batch& batch, std::size_t tensor, std::size_t item_size);

/// Expects that a batch holds exactly the samples it names.
void expect_sound(const Dataset& dataset, const batch::Batch& batch);

/// Runs an epoch to its end; the indices as they came, each batch checked.
std::vector<std::vector<std::int64_t>> run_epoch(const Dataset& dataset, pipeline::Epoch& epoch);

std::unique_ptr<pipeline::Loader> make_loader(const Dataset& dataset, pipeline::LoaderOptions options = {});

}  // namespace penstock::test
