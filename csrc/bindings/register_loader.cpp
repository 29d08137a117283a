#include <pybind11/numpy.h>
#include <pybind11/stl.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "base/thread_pool.h"
#include "bindings/errors.h"
#include "bindings/names.h"
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

/// A loader as Python holds it. A forked child gets a copy of the object and none of its threads: there, joining or
/// destroying it would hang, so it is left alone.
class LoaderHandle {
 public:
  /// `allocator` may be null: batches then lie in plain memory.
  LoaderHandle(std::shared_ptr<storage::Store> store, std::vector<pipeline::TensorSource> sources,
               const pipeline::LoaderOptions& options, std::shared_ptr<PythonAllocator> allocator,
               std::optional<pipeline::DetectionSpec> detection)
      : owner_(getpid()), allocator_(std::move(allocator)) {
    std::shared_ptr<batch::BufferAllocator> memory = allocator_;
    if (memory == nullptr) memory = std::make_shared<batch::HeapAllocator>();
    loader_ = std::make_unique<pipeline::Loader>(std::move(store), std::move(sources), options, std::move(memory),
                                                 std::move(detection));
  }
  ~LoaderHandle() {
    if (getpid() != owner_) {
      loader_.release();
    } else if (base::ThreadPool::on_pool_thread()) {
      // A loader's thread that allocates through Python may set off the garbage collector, which may find this
      // loader: some other thread has to join it.
      std::thread([loader = std::move(loader_)] {}).detach();
    }
  }
  LoaderHandle(const LoaderHandle&) = delete;
  LoaderHandle& operator=(const LoaderHandle&) = delete;

  pipeline::Loader& loader() { return *loader_; }
  const std::shared_ptr<PythonAllocator>& allocator() const { return allocator_; }
  void stop() noexcept {
    if (getpid() == owner_) loader_->stop();
  }

 private:
  pid_t owner_;
  std::shared_ptr<PythonAllocator> allocator_;
  std::unique_ptr<pipeline::Loader> loader_;
};

/// An epoch as Python holds it: letting go of it ends it, whatever tasks still refer to it. In a forked child it is
/// left alone, as the loader is: a thread that the child lacks may have held its locks.
class EpochHandle {
 public:
  EpochHandle(std::shared_ptr<pipeline::Epoch> epoch, std::shared_ptr<PythonAllocator> allocator)
      : owner_(getpid()), epoch_(std::move(epoch)), allocator_(std::move(allocator)) {}
  ~EpochHandle() {
    close();
    if (getpid() != owner_) new std::shared_ptr<pipeline::Epoch>(std::move(epoch_));  // never freed
  }
  EpochHandle(const EpochHandle&) = delete;
  EpochHandle& operator=(const EpochHandle&) = delete;

  pipeline::Epoch& epoch() { return *epoch_; }
  void close() noexcept {
    if (getpid() == owner_) epoch_->close();
  }

  /// The slab's memory as Python holds it: the object that Python allocated, or a uint8 array over the core's own.
  py::object memory_of(const std::shared_ptr<batch::Slab>& slab) const {
    if (allocator_ != nullptr) return allocator_->owner_of(slab->data());
    // The slab goes back to its pool when the last array over it has died.
    const py::capsule owner(new std::shared_ptr<batch::Slab>(slab),
                            [](void* held) { delete static_cast<std::shared_ptr<batch::Slab>*>(held); });
    return py::array_t<std::uint8_t>(static_cast<py::ssize_t>(slab->capacity()),
                                     reinterpret_cast<std::uint8_t*>(slab->data()), owner);
  }

 private:
  pid_t owner_;
  std::shared_ptr<pipeline::Epoch> epoch_;
  std::shared_ptr<PythonAllocator> allocator_;
};

/// None at the end, else (indices, [(memory, offsets, shapes, stacked) for each tensor], metas: a row for each view).
py::object next_batch(EpochHandle& handle) {
  std::optional<batch::Batch> batch;
  {
    const py::gil_scoped_release release;
    batch = handle.epoch().next(check_signals);
  }
  if (!batch) return py::none();
  py::list tensors;
  for (const batch::TensorBatch& tensor : batch->tensors) {
    tensors.append(py::make_tuple(handle.memory_of(tensor.slab), tensor.offsets, tensor.shapes, tensor.stacked));
  }
  return py::make_tuple(
      py::array_t<std::int64_t>(static_cast<py::ssize_t>(batch->indices.size()), batch->indices.data()), tensors,
      py::array_t<double>(static_cast<py::ssize_t>(batch->metas.size()), batch->metas.data()));
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
                                         std::uint64_t epoch) {
  pipeline::Order samples({order.data(), static_cast<std::size_t>(order.size())},
                          std::make_shared<const PythonReference>(order));
  const py::gil_scoped_release release;
  return std::make_unique<EpochHandle>(
      handle.loader().start(std::move(samples), vector_of<std::size_t>(batch_ends), {seed, epoch}),
      handle.allocator());
}

py::dict stats_of(LoaderHandle& handle) {
  const base::Stats& stats = handle.loader().stats();
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
  result["slabs_allocated"] = handle.loader().slabs_allocated();
  result["fetch_seconds"] = seconds(stats.fetch_ns);
  result["decode_seconds"] = seconds(stats.decode_ns);
  result["transform_seconds"] = seconds(stats.transform_ns);
  result["wait_seconds"] = seconds(stats.wait_ns);
  return result;
}

/// Index of a sample in tiles, its shape, that of a tile.
using TileEntry = std::tuple<std::int64_t, base::Shape, base::Shape>;
/// The columns of a sequence index.
using SequenceRuns = std::tuple<std::vector<std::int64_t>, std::vector<std::int64_t>, std::vector<std::int64_t>>;

pipeline::TensorSource make_source(std::string name, bool is_image, std::uint32_t item_size,
                                   const std::string& sample_compression, const std::string& chunk_compression,
                                   std::optional<base::Shape> fixed_shape, std::uint32_t dimensions,
                                   const std::string& color, bool as_bytes, bool is_bool, std::vector<std::uint64_t> ids,
                                   std::vector<std::int64_t> last_index, std::vector<std::uint32_t> folder_of,
                                   std::vector<std::string> folders, const std::vector<TileEntry>& tiles,
                                   std::optional<SequenceRuns> sequences, std::optional<format::RowMap> view) {
  pipeline::TensorSource source;
  source.format = {std::move(name),
                   is_image,
                   item_size,
                   compression_named(sample_compression),
                   compression_named(chunk_compression),
                   std::move(fixed_shape),
                   dimensions,
                   as_bytes,
                   is_bool};
  source.index = {std::move(ids), std::move(last_index), std::move(folder_of), std::move(folders)};
  for (const auto& [sample, shape, tile] : tiles) source.index.tiles[sample] = {shape, tile};
  if (sequences) {
    auto& [lengths, first_item, last] = *sequences;
    source.sequences = format::SequenceIndex{std::move(lengths), std::move(first_item), std::move(last)};
  }
  source.view = std::move(view);
  source.color = color_named(color);
  return source;
}

/// A tensor whose samples Python reads; see PythonReader.
pipeline::TensorSource make_read_source(std::string name, bool is_image, std::uint32_t item_size,
                                        const std::string& sample_compression, const std::string& color, bool as_bytes,
                                        py::object read) {
  pipeline::TensorSource source;
  source.format.name = std::move(name);
  source.format.is_image = is_image;
  source.format.item_size = item_size;
  source.format.sample_compression = compression_named(sample_compression);
  source.format.as_bytes = as_bytes;
  source.color = color_named(color);
  source.reader = std::make_shared<PythonReader>(std::move(read), source.format, source.color);
  return source;
}

std::unique_ptr<LoaderHandle> make_loader(const py::object& store, std::vector<pipeline::TensorSource> sources,
                                          unsigned threads, unsigned io_threads, unsigned prefetch,
                                          std::uint64_t cache_bytes, const py::object& allocate,
                                          std::optional<pipeline::DetectionSpec> detection) {
  std::shared_ptr<PythonAllocator> allocator;
  pipeline::LoaderOptions options{threads, io_threads, prefetch, cache_bytes};
  if (!allocate.is_none()) {
    allocator = std::make_shared<PythonAllocator>(allocate);
    // Python's allocator reuses memory itself, and knows of copies to a device that are still under way.
    options.keep_slabs = false;
  }
  return std::make_unique<LoaderHandle>(store_of(store), std::move(sources), options, std::move(allocator),
                                        std::move(detection));
}

}  // namespace

void register_loader(py::module_& module) {
  py::class_<format::RowMap>(module, "RowMap")
      .def(py::init([](std::int64_t start, std::int64_t step) { return format::RowMap{start, step, {}}; }),
           py::arg("start"), py::arg("step"))
      .def(py::init([](std::vector<std::int64_t> list) { return format::RowMap{0, 1, std::move(list)}; }),
           py::arg("list"));

  py::class_<pipeline::TensorSource>(module, "TensorSource")
      .def(py::init(&make_source), py::kw_only(), py::arg("name"), py::arg("is_image"), py::arg("item_size"),
           py::arg("sample_compression"), py::arg("chunk_compression"), py::arg("fixed_shape"), py::arg("dimensions"),
           py::arg("color"), py::arg("as_bytes"), py::arg("is_bool"), py::arg("ids"), py::arg("last_index"),
           py::arg("folder_of"), py::arg("folders"), py::arg("tiles"), py::arg("sequences"), py::arg("rows"))
      .def_static("from_reader", &make_read_source, py::kw_only(), py::arg("name"), py::arg("is_image"),
                  py::arg("item_size"), py::arg("sample_compression"), py::arg("color"), py::arg("as_bytes"),
                  py::arg("read"));

  // Ending either waits for threads, which may be waiting for the GIL to allocate memory.
  py::class_<EpochHandle>(module, "Epoch", py::release_gil_before_calling_cpp_dtor())
      .def("next", &next_batch)
      .def("close", &EpochHandle::close, py::call_guard<py::gil_scoped_release>());

  py::class_<LoaderHandle>(module, "Loader", py::release_gil_before_calling_cpp_dtor())
      .def(py::init(&make_loader), py::kw_only(), py::arg("store"), py::arg("sources"), py::arg("threads"),
           py::arg("io_threads"), py::arg("prefetch"), py::arg("cache_bytes"), py::arg("allocate") = py::none(),
           py::arg("detection") = py::none())
      .def("start", &start_epoch, py::arg("order"), py::arg("batch_ends"), py::arg("seed") = 0,
           py::arg("epoch") = 0, py::keep_alive<0, 1>())
      .def("stats", &stats_of)
      .def("stop", &LoaderHandle::stop, py::call_guard<py::gil_scoped_release>());
}

}  // namespace penstock::bindings
