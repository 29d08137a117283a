#include "pipeline/kept_in_files.h"

#include <cstring>
#include <utility>

#include "storage/disk_cache/cache_file.h"
#include "storage/joined_store.h"

namespace penstock::pipeline {
namespace {

using storage::disk_cache::CacheFile;
using storage::disk_cache::Content;
using storage::disk_cache::Label;

/// What a file has before what the codec has kept: the number of axes, and their lengths.
std::size_t shape_bytes(std::size_t axes) { return (1 + axes) * sizeof(std::uint32_t); }
constexpr std::uint32_t kMostAxes = 3;  // of an image

base::OwnedBytes with_shape(const base::Shape& shape, base::Bytes bytes) {
  base::OwnedBytes data = base::OwnedBytes::allocate(shape_bytes(shape.size()) + bytes.size());
  const auto axes = static_cast<std::uint32_t>(shape.size());
  std::memcpy(data.data.get(), &axes, sizeof axes);
  std::memcpy(data.data.get() + sizeof axes, shape.data(), shape.size() * sizeof(std::uint32_t));
  std::memcpy(data.data.get() + shape_bytes(shape.size()), bytes.data(), bytes.size());
  return data;
}

std::optional<base::Shape> shape_of(base::Bytes data) {
  if (data.size() < shape_bytes(0)) return std::nullopt;
  const std::uint32_t axes = base::load_u32(data, 0);
  if (axes > kMostAxes || data.size() < shape_bytes(axes)) return std::nullopt;
  base::Shape shape(axes);
  std::memcpy(shape.data(), data.data() + shape_bytes(0), axes * sizeof(std::uint32_t));
  return shape;
}

}  // namespace

KeptInFiles::KeptInFiles(std::shared_ptr<storage::DiskCache> cache, std::vector<std::string> roots,
                         storage::Store& store, base::Stats& stats)
    : KeptImages(stats), cache_(std::move(cache)), roots_(std::move(roots)), store_(store) {}

std::optional<std::string> KeptInFiles::version_of(const std::string& chunk) {
  const std::lock_guard lock(mutex_);
  return chunks_[chunk].version;
}

void KeptInFiles::saw(const std::string& key, const storage::Object& object) noexcept {
  const std::lock_guard lock(mutex_);
  const auto found = chunks_.find(key);
  // Others than chunks of images are nobody's concern. Of a range beyond the end, not all storage says its version.
  if (found == chunks_.end() || object.bytes.size == 0) return;
  std::optional<std::string>& version = found->second.version;
  if (!version) {
    version = object.version;
  } else if (*version != object.version) {
    version->clear();
  }
}

Label KeptInFiles::label_of(const std::string& chunk, std::uint64_t local_index) const {
  const std::string number = "#" + std::to_string(local_index);
  if (roots_.size() == 1) return {roots_.front(), chunk + number};
  const storage::JoinedKey key = storage::joined_key(chunk, roots_.size());
  return {roots_[key.store], key.key + number};
}

void KeptInFiles::find(std::size_t /*tensor*/, const TensorSource& source, std::vector<std::int64_t> items,
                       const base::Answer<KeptSamples>& answer) noexcept {
  try {
    const std::size_t count = items.size();
    // Whatever goes wrong on the way, storage itself is asked, and says what is the matter.
    const base::Answer<KeptSamples> found([this, count, answer](base::Result<KeptSamples> result) {
      KeptSamples samples = result.sound() ? result.take() : KeptSamples(count);
      count_found(samples);
      answer.give(std::move(samples));
    });
    auto search = std::make_shared<Search>(Search{source.chunk_of(items.front()), {}, found});
    for (const std::int64_t item : items) search->local_indices.push_back(source.index.locate(item).local_index);
    if (version_of(search->chunk)) {
      look(search);
    } else {
      ask(search);
    }
  } catch (...) {
    answer.fail(std::current_exception());
  }
}

/// All who look for items of a chunk meanwhile wait for the same answer.
void KeptInFiles::ask(const SearchPointer& search) {
  {
    const std::lock_guard lock(mutex_);
    std::vector<SearchPointer>& waiting = chunks_[search->chunk].waiting;
    waiting.push_back(search);
    if (waiting.size() > 1) return;
  }
  store_.get({search->chunk, base::ByteRange{0, 1}},
             [this, chunk = search->chunk](const base::Result<storage::Object>& result) {
               take_answer(chunk, result.error());  // saw() has been told of an object
             });
}

void KeptInFiles::take_answer(const std::string& chunk, const std::exception_ptr& error) noexcept {
  std::vector<SearchPointer> waiting;
  {
    const std::lock_guard lock(mutex_);
    waiting.swap(chunks_[chunk].waiting);
  }
  for (const SearchPointer& search : waiting) {
    if (error == nullptr) {
      look(search);
    } else {
      search->answer.fail(error);
    }
  }
}

void KeptInFiles::look(const SearchPointer& search) noexcept {
  try {
    const std::optional<std::string> version = version_of(search->chunk);
    if (!version || version->empty()) {
      tell_of_missing_versions();
      return search->answer.give(KeptSamples(search->local_indices.size()));
    }
    cache_->readers.submit([this, search, version = *version] {
      search->answer.give(base::Result<KeptSamples>::of([&] {
        KeptSamples samples;
        for (const std::uint64_t index : search->local_indices) {
          samples.push_back(read(label_of(search->chunk, index), version));
        }
        return samples;
      }));
    });
  } catch (...) {
    search->answer.fail(std::current_exception());
  }
}

void KeptInFiles::tell_of_missing_versions() {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(told_, true)) return;
  }
  cache_->tell("the storage names no versions (ETags) of the objects of '" + roots_.front() +
               "', or they change, so no coefficients of them are kept in the folder");
}

std::optional<FetchedSample> KeptInFiles::read(const Label& label, const std::string& version) {
  const std::string path = cache_->folder.path_of(label);
  try {
    const std::unique_ptr<CacheFile> file = CacheFile::open(path, label);
    if (file == nullptr || file->content().version != version) return std::nullopt;
    auto data = std::make_shared<const base::OwnedBytes>(file->read({0, file->content().size}));
    std::optional<base::Shape> shape = shape_of(data->view());
    if (!shape) return std::nullopt;
    const std::size_t begin = shape_bytes(shape->size());
    return sample_of(std::move(*shape), data->view().subspan(begin), data);
  } catch (const storage::disk_cache::UnusableFile&) {
    cache_->folder.remove(path);
    return std::nullopt;
  }
}

void KeptInFiles::keep(std::size_t /*tensor*/, const TensorSource& source, std::int64_t item, const base::Shape& shape,
                       base::OwnedBytes bytes) {
  const auto [row, local_index] = source.index.locate(item);
  const std::string chunk = source.index.key(row);
  const std::optional<std::string> version = version_of(chunk);
  if (!version || version->empty()) return;
  const Label label = label_of(chunk, local_index);
  auto data = std::make_shared<const base::OwnedBytes>(with_shape(shape, bytes.view()));
  const Content content{data->size, *version};
  if (!can_be_kept(label, content)) return;
  const std::uint64_t size = file_bytes(label, content);
  auto place = cache_->take_place(size, disk_stats_);
  if (place == nullptr) {
    // Where the disk is only slow, later ones find room.
    is_full_ = !cache_->folder.has_room(size);
    return;
  }
  cache_->writer.submit([this, label, content, data, size, place] {
    try {
      const std::vector<std::byte> header = encode_header(label, content, data->view());
      if (cache_->folder.put(cache_->folder.path_of(label), header, data->view())) count_kept(size);
    } catch (...) {
      // It was a favour.
    }
  });
}

}  // namespace penstock::pipeline
