#include <pybind11/numpy.h>
#include <pybind11/stl.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "bindings/check_arguments.h"
#include "bindings/errors.h"
#include "bindings/names.h"
#include "bindings/native_handle.h"
#include "bindings/python_allocator.h"
#include "bindings/python_reader.h"
#include "bindings/python_reference.h"
#include "bindings/python_store.h"
#include "bindings/register.h"
#include "pipeline/epoch.h"
#include "pipeline/loader.h"

namespace py = pybind11;

namespace penstock::bindings {
namespace {

/// A loader, and where its batch memory comes from: null for plain memory.
class LoaderHandle : public NativeHandle<pipeline::Loader> {
 public:
  LoaderHandle(std::shared_ptr<pipeline::Loader> loader, std::shared_ptr<PythonAllocator> allocator)
      : NativeHandle(std::move(loader)), allocator_(std::move(allocator)) {}

  const std::shared_ptr<PythonAllocator>& allocator() const { return allocator_; }

 private:
  std::shared_ptr<PythonAllocator> allocator_;
};

/// A slab that arrays lie over goes back to its pool when the last of them has died. Not in a forked child, where a
/// thread that the child lacks may have held the pool's lock.
class HeldSlab {
 public:
  explicit HeldSlab(std::shared_ptr<batch::Slab> slab) : owner_(getpid()), slab_(std::move(slab)) {}
  ~HeldSlab() {
    if (getpid() != owner_) never_free(slab_);
  }
  HeldSlab(const HeldSlab&) = delete;
  HeldSlab& operator=(const HeldSlab&) = delete;

 private:
  pid_t owner_;
  std::shared_ptr<batch::Slab> slab_;
};

/// An epoch as Python holds it: letting go of it ends it, whatever tasks still refer to it. In a forked child it is
/// left alone, as the loader is: a thread that the child lacks may have held its locks.
class EpochHandle {
 public:
  EpochHandle(std::shared_ptr<pipeline::Epoch> epoch, std::shared_ptr<PythonAllocator> allocator)
      : owner_(getpid()), epoch_(std::move(epoch)), allocator_(std::move(allocator)) {}
  ~EpochHandle() {
    if (getpid() != owner_) {
      never_free(epoch_);
      return;
    }
    without_gil([this] {  // its batches may be waiting for the GIL
      epoch_->close();
      epoch_.reset();
    });
  }
  EpochHandle(const EpochHandle&) = delete;
  EpochHandle& operator=(const EpochHandle&) = delete;

  /// Error kClosed in a forked child.
  pipeline::Epoch& epoch() {
    if (getpid() != owner_) {
      throw base::Error(base::ErrorKind::kClosed, "the iteration belongs to process " + std::to_string(owner_),
                        "Start one in the forked process");
    }
    return *epoch_;
  }
  std::shared_ptr<pipeline::Epoch> shared() {
    epoch();
    return epoch_;
  }
  void close() noexcept {
    if (getpid() == owner_) epoch_->close();
  }
  std::size_t prefetch() const { return epoch_->prefetch(); }

  /// The slab's memory as Python holds it: the object that Python allocated, or a uint8 array over the core's own.
  py::object memory_of(const std::shared_ptr<batch::Slab>& slab) const {
    if (allocator_ != nullptr) return allocator_->owner_of(slab->data());
    const py::capsule owner(new HeldSlab(slab), [](void* held) { delete static_cast<HeldSlab*>(held); });
    return py::array_t<std::uint8_t>(static_cast<py::ssize_t>(slab->capacity()),
                                     reinterpret_cast<std::uint8_t*>(slab->data()), owner);
  }

 private:
  pid_t owner_;
  std::shared_ptr<pipeline::Epoch> epoch_;
  std::shared_ptr<PythonAllocator> allocator_;
};

/// None at the end, else (indices, [(memory, offsets, shapes, stacked) for each tensor], metas). The metas: a row for
/// each view, and the dtype of each tensor whose elements the core has made.
/// `timeout` in seconds; 0 waits for as long as it takes.
py::object next_batch(EpochHandle& handle, const py::object& timeout) {
  const auto seconds = timeout.cast<double>();
  const auto text = py::str(timeout).cast<std::string>();
  const auto start = std::chrono::steady_clock::now();
  const auto interrupted = [&] {
    check_signals();
    if (seconds > 0 && std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() >= seconds) {
      const pipeline::Stuck stuck = handle.epoch().stuck();
      throw base::Error(base::ErrorKind::kTimeout, "DataLoader timed out after " + text + " seconds: " + stuck.what,
                        stuck.hint);
    }
  };
  std::optional<batch::Batch> batch;
  {
    const GilRelease release;
    batch = handle.epoch().next(interrupted);
  }
  if (!batch) return py::none();
  py::list tensors;
  py::list dtypes;
  for (const batch::TensorBatch& tensor : batch->tensors) {
    tensors.append(py::make_tuple(handle.memory_of(tensor.slab), tensor.offsets, tensor.shapes, tensor.stacked));
    dtypes.append(tensor.element.name);
  }
  return py::make_tuple(
      py::array_t<std::int64_t>(static_cast<py::ssize_t>(batch->indices.size()), batch->indices.data()), tensors,
      py::make_tuple(py::array_t<double>(static_cast<py::ssize_t>(batch->metas.size()), batch->metas.data()), dtypes));
}

/// Arrays are taken as they are, and no lists are made of them: an epoch may have ten million samples.
template <class Value>
using Array = py::array_t<Value, py::array::c_style | py::array::forcecast>;

template <class Value, class Item>
std::vector<Value> vector_of(const Array<Item>& array) {
  return {array.data(), array.data() + array.size()};
}

std::unique_ptr<EpochHandle> start_epoch(LoaderHandle& handle, const Array<std::int64_t>& order,
                                         const Array<std::uint64_t>& batch_ends, std::uint64_t seed,
                                         std::uint64_t epoch, EpochHandle* after,
                                         std::shared_ptr<transform::EpochPlaces> places) {
  std::vector<std::size_t> ends = vector_of<std::size_t>(batch_ends);
  check_ends(ends, static_cast<std::size_t>(order.size()));
  check_samples(handle.core().sources(), {order.data(), static_cast<std::size_t>(order.size())});
  pipeline::Order samples({order.data(), static_cast<std::size_t>(order.size())},
                          std::make_shared<const PythonReference>(order));
  const std::shared_ptr<pipeline::Epoch> before = after == nullptr ? nullptr : after->shared();
  pipeline::Randomness random{seed, epoch, std::move(places)};
  const GilRelease release;
  return std::make_unique<EpochHandle>(
      handle.core().start(std::move(samples), std::move(ends), std::move(random), before), handle.allocator());
}

py::dict dict_of(const base::Stats& stats, std::size_t slabs_allocated) {
  const auto seconds = [](std::uint64_t nanoseconds) { return static_cast<double>(nanoseconds) * 1e-9; };
  py::dict result;
  result["samples"] = stats.samples.load();
  result["batches"] = stats.batches.load();
  result["bytes_read"] = stats.bytes_read.load();
  result["reads"] = stats.reads.load();
  result["chunks_read"] = stats.chunks_read.load();
  result["cache_hits"] = stats.cache_hits.load();
  result["cache_misses"] = stats.cache_misses.load();
  result["encoded_bytes"] = stats.encoded_bytes.load();
  result["coefficient_hits"] = stats.coefficient_hits.load();
  result["coefficient_misses"] = stats.coefficient_misses.load();
  result["coefficients_kept"] = stats.coefficients_kept.load();
  result["coefficient_bytes"] = stats.coefficient_bytes.load();
  result["slabs_allocated"] = slabs_allocated;
  result["fetch_seconds"] = seconds(stats.fetch_ns);
  result["data_wait_seconds"] = seconds(stats.data_wait_ns);
  result["decode_seconds"] = seconds(stats.decode_ns);
  result["transform_seconds"] = seconds(stats.transform_ns);
  result["wait_seconds"] = seconds(stats.wait_ns);
  return result;
}

py::dict stats_of(LoaderHandle& handle) {
  py::dict result = dict_of(handle.core().stats(), handle.core().slabs_allocated());
  for (const storage::Count& count : handle.core().storage_counts()) result[py::str(count.name)] = count.value;
  return result;
}

/// Bytes held now, at most at a time, and at most beyond the limit.
py::tuple memory_of(const pipeline::Loader& loader) {
  return py::make_tuple(loader.budget().held(), loader.budget().peak(), loader.limit_exceeded());
}

/// Index of a sample in tiles, its shape, that of a tile.
using TileEntry = std::tuple<std::int64_t, base::Shape, base::Shape>;
/// The columns of a sequence index.
using SequenceRuns = std::tuple<std::vector<std::int64_t>, std::vector<std::int64_t>, std::vector<std::int64_t>>;

pipeline::TensorSource make_source(std::string name, bool is_image, std::uint32_t item_size,
                                   const std::string& sample_compression, const std::string& chunk_compression,
                                   std::optional<base::Shape> fixed_shape, std::uint32_t dimensions,
                                   const std::string& color, bool as_bytes, bool is_bool,
                                   std::vector<std::uint64_t> ids, std::vector<std::int64_t> last_index,
                                   std::vector<std::uint32_t> folder_of, std::vector<std::string> folders,
                                   const std::vector<TileEntry>& tiles, std::optional<SequenceRuns> sequences,
                                   std::optional<pipeline::RowMap> view) {
  pipeline::TensorSource source;
  source.format = {.name = std::move(name),
                   .is_image = is_image,
                   .item_size = item_size,
                   .sample_compression = compression_named(sample_compression),
                   .chunk_compression = compression_named(chunk_compression),
                   .fixed_shape = std::move(fixed_shape),
                   .dimensions = dimensions,
                   .as_bytes = as_bytes,
                   .is_bool = is_bool};
  source.index = {.ids = std::move(ids),
                  .last_index = std::move(last_index),
                  .folder_of = std::move(folder_of),
                  .folders = std::move(folders)};
  for (const auto& [sample, shape, tile] : tiles) source.index.tiles[sample] = {shape, tile};
  if (sequences) {
    auto& [lengths, first_item, last] = *sequences;
    source.sequences = format::SequenceIndex{
        .lengths = std::move(lengths), .first_item = std::move(first_item), .last = std::move(last)};
  }
  source.view = std::move(view);
  source.color = color_named(color);
  check_source(source);
  return source;
}

/// How its images come out.
void arrange(pipeline::TensorSource& source, bool planes, const std::string& scale) {
  source.arrangement = {.planes = planes, .scale = scale_named(scale)};
  check_source(source);
}

/// A tensor whose samples Python reads; see PythonReader.
pipeline::TensorSource make_read_source(std::string name, bool is_image, std::uint32_t item_size,
                                        const std::string& sample_compression, const std::string& color, bool as_bytes,
                                        py::object read) {
  pipeline::TensorSource source;
  source.format = {.name = std::move(name),
                   .is_image = is_image,
                   .item_size = item_size,
                   .sample_compression = compression_named(sample_compression),
                   .fixed_shape = std::nullopt,
                   .as_bytes = as_bytes};
  source.color = color_named(color);
  source.reader = std::make_shared<PythonReader>(std::move(read), source.format, source.color);
  check_source(source);
  return source;
}

std::unique_ptr<LoaderHandle> make_loader(
    const py::object& store, std::vector<pipeline::TensorSource> sources, unsigned threads, unsigned prefetch,
    unsigned prefetch_samples, std::uint64_t cache_bytes, std::uint64_t read_ahead_bytes,
    std::optional<std::uint64_t> memory_limit, std::optional<unsigned> io_threads, const py::object& allocate,
    std::optional<pipeline::DetectionSpec> detection, const std::optional<std::string>& cache_dir,
    std::optional<std::uint64_t> cache_size, const py::object& cache_identity, const py::object& cache_report,
    std::optional<std::uint64_t> coefficient_bytes, std::optional<std::vector<std::string>> coefficient_roots) {
  std::shared_ptr<PythonAllocator> allocator;
  if (threads == 0 || io_threads == 0U || prefetch == 0) {
    throw py::value_error("threads, io_threads and prefetch must be positive");
  }
  if (detection) check_detection(*detection, sources);
  pipeline::LoaderOptions options{.threads = threads,
                                  .prefetch = prefetch,
                                  .prefetch_samples = prefetch_samples,
                                  .cache_bytes = cache_bytes,
                                  .read_ahead_bytes = read_ahead_bytes};
  if (memory_limit) options.memory_limit = *memory_limit;
  if (io_threads) options.reader_threads = *io_threads;
  if (!allocate.is_none()) {
    allocator = std::make_shared<PythonAllocator>(allocate);
    // Python's allocator reuses memory itself, and knows of copies to a device that are still under way.
    options.keep_slabs = false;
  }
  std::shared_ptr<storage::DiskCache> cache;
  if (cache_dir) cache = disk_cache_in(*cache_dir, cache_size, cache_report);
  if (coefficient_roots) {
    if (cache == nullptr) throw py::value_error("coefficient_roots are of a cache_dir");
    options.kept = {.folder = cache, .roots = std::move(*coefficient_roots)};
  } else if (coefficient_bytes) {
    options.kept = {.memory_bytes = *coefficient_bytes};
  }
  std::shared_ptr<storage::Store> opened = store_of(store, io_threads, std::move(cache), cache_identity);
  std::shared_ptr<batch::BufferAllocator> memory = allocator;
  if (memory == nullptr) memory = std::make_shared<batch::HeapAllocator>();
  const GilRelease release;
  return std::make_unique<LoaderHandle>(
      std::make_shared<pipeline::Loader>(std::move(opened), std::move(sources), options, std::move(memory),
                                         std::move(detection)),
      std::move(allocator));
}

}  // namespace

void register_loader(py::module_& module) {
  py::class_<pipeline::RowMap>(module, "RowMap")
      .def(py::init([](std::int64_t start, std::int64_t step) { return pipeline::RowMap{start, step, {}}; }),
           py::arg("start"), py::arg("step"))
      .def(py::init([](std::vector<std::int64_t> list) { return pipeline::RowMap{0, 1, std::move(list)}; }),
           py::arg("list"));

  py::class_<pipeline::TensorSource>(module, "TensorSource")
      .def("arrange", &arrange, py::kw_only(), py::arg("planes"), py::arg("scale"))
      .def(py::init(&make_source), py::kw_only(), py::arg("name"), py::arg("is_image"), py::arg("item_size"),
           py::arg("sample_compression"), py::arg("chunk_compression"), py::arg("fixed_shape"), py::arg("dimensions"),
           py::arg("color"), py::arg("as_bytes"), py::arg("is_bool"), py::arg("ids"), py::arg("last_index"),
           py::arg("folder_of"), py::arg("folders"), py::arg("tiles"), py::arg("sequences"), py::arg("rows"))
      .def_static("from_reader", &make_read_source, py::kw_only(), py::arg("name"), py::arg("is_image"),
                  py::arg("item_size"), py::arg("sample_compression"), py::arg("color"), py::arg("as_bytes"),
                  py::arg("read"));

  py::class_<EpochHandle>(module, "Epoch")
      .def("next", &next_batch, py::arg("timeout") = 0)
      .def_property_readonly("prefetch", &EpochHandle::prefetch)
      .def("close", &EpochHandle::close, py::call_guard<GilRelease>());

  py::class_<LoaderHandle>(module, "Loader")
      .def(py::init(&make_loader), py::kw_only(), py::arg("store"), py::arg("sources"), py::arg("threads"),
           py::arg("prefetch"), py::arg("prefetch_samples") = 0, py::arg("cache_bytes"),
           py::arg("read_ahead_bytes") = pipeline::LoaderOptions().read_ahead_bytes,
           py::arg("memory_limit") = py::none(), py::arg("io_threads") = py::none(), py::arg("allocate") = py::none(),
           py::arg("detection") = py::none(), py::arg("cache_dir") = py::none(), py::arg("cache_size") = py::none(),
           py::arg("cache_identity") = py::none(), py::arg("cache_report") = py::none(),
           py::arg("coefficient_bytes") = py::none(), py::arg("coefficient_roots") = py::none())
      .def("start", &start_epoch, py::arg("order"), py::arg("batch_ends"), py::arg("seed") = 0, py::arg("epoch") = 0,
           py::arg("after") = py::none(), py::arg("places") = py::none(), py::keep_alive<0, 1>())
      .def("stats", &stats_of)
      .def("memory", [](LoaderHandle& handle) { return memory_of(handle.core()); })
      .def("begin_stop", &LoaderHandle::begin_stop, py::call_guard<GilRelease>())
      .def("stop", &LoaderHandle::stop, py::call_guard<GilRelease>());

  module.attr("STATS") = py::tuple(dict_of(base::Stats(), 0));
}

}  // namespace penstock::bindings
