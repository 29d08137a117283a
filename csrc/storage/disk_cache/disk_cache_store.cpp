#include "storage/disk_cache/disk_cache_store.h"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "base/error.h"
#include "storage/blocking_store.h"
#include "storage/disk_cache/cache_file.h"
#include "storage/files.h"

namespace penstock::storage {
namespace {

using disk_cache::CacheFile;
using Turn = base::ThreadPool::Turn;

/// So many count where it is said which of the two the requests go to.
constexpr double kLastRequests = 32;

base::Error closed() { return {base::ErrorKind::kClosed, "the storage is closed"}; }

/// The exception that `act` ends with, or null. Whoever is given it is the last to hold it: a catch clause that handed
/// it over would hold it still, and free it while it is read elsewhere.
template <class Act>
std::exception_ptr failure_of(Act act) noexcept {
  try {
    act();
  } catch (...) {
    return std::current_exception();
  }
  return nullptr;
}

/// What a request asks for of a whole object.
Object part_of(const Object& whole, std::optional<base::ByteRange> range) {
  const base::ByteRange part = within(range, whole.bytes.size);
  Object object{base::OwnedBytes::allocate(part.size()), whole.size, whole.version};
  if (part.size() > 0) std::memcpy(object.bytes.data.get(), whole.bytes.data.get() + part.begin, part.size());
  return object;
}

}  // namespace

bool DiskCacheStore::Flight::wanted() const {
  return std::any_of(waiting.begin(), waiting.end(), [](const Waiting& one) { return is_wanted(one.wanted); });
}

void DiskCacheStore::get(Request request, Done done) noexcept {
  answering(std::move(done), [&](const base::Answer<Object>& answer) {
    take_up(request.key, {request.range, std::move(request.wanted), answer});
  });
}

std::optional<std::uint64_t> DiskCacheStore::known_size(const std::string& key) const {
  {
    const std::lock_guard lock(mutex_);
    const auto found = known_.find(key);
    if (found != known_.end() && found->second.content) return found->second.content->size;
  }
  return inner_->known_size(key);
}

std::uint64_t DiskCacheStore::bytes_worth_a_request() const {
  const auto inner = static_cast<double>(inner_->bytes_worth_a_request());
  const std::lock_guard lock(mutex_);
  return static_cast<std::uint64_t>(share_of_inner_ * inner +
                                    (1 - share_of_inner_) * BlockingStore::kWorthALocalRequest);
}

std::vector<Count> DiskCacheStore::counts() const {
  std::vector<Count> all = inner_->counts();
  const auto add = [&](const char* name, const DiskCacheStats::Counter& counter) {
    all.push_back({std::string("cache_disk_") + name, static_cast<double>(counter.load())});
  };
  add("hits", stats_.hits);
  add("bytes", stats_.bytes);
  add("probes", stats_.probes);
  add("written", stats_.written);
  add("damaged", stats_.damaged);
  add("full", stats_.full);
  add("behind", stats_.behind);
  return all;
}

void DiskCacheStore::take_up(const std::string& key, Waiting who) {
  std::shared_ptr<Flight> flight;
  std::shared_ptr<const Object> unwritten;
  bool is_on_disk = false;
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) throw closed();
    Known& known = known_[key];
    if (known.flight != nullptr) {
      known.flight->waiting.push_back(std::move(who));
      return;
    }
    unwritten = known.unwritten;
    is_on_disk = known.on_disk;
    const bool is_at_hand = is_on_disk || unwritten != nullptr;
    share_of_inner_ += ((is_at_hand ? 0.0 : 1.0) - share_of_inner_) / kLastRequests;
    if (unwritten == nullptr && !known.on_disk && !known.goes_through) {
      flight = std::make_shared<Flight>();
      flight->waiting.push_back(std::move(who));
      known.flight = flight;
    }
  }
  if (flight != nullptr) {
    begin(key, flight);
  } else if (unwritten != nullptr) {
    cache_->readers.submit(
        [unwritten, who = std::move(who)] {
          who.answer.give(base::Result<Object>::of([&] { return part_of(*unwritten, who.range); }));
        },
        Turn::kUrgent);
  } else if (is_on_disk) {
    cache_->readers.submit([this, key, who = std::move(who)] { read_for(key, who); });
  } else {
    pass_on(key, who);
  }
}

/// From here on whatever goes wrong is the flight's to tell.
void DiskCacheStore::begin(const std::string& key, const std::shared_ptr<Flight>& flight) noexcept {
  std::exception_ptr failure = failure_of([&] { go_on(key, flight, [this, key, flight] { look(key, flight); }); });
  if (failure != nullptr) fail(key, flight, std::move(failure));
}

/// Has a flight go on where it may block. A task that is dropped ends it.
void DiskCacheStore::go_on(const std::string& key, const std::shared_ptr<Flight>& flight, std::function<void()> task) {
  const base::Answer<bool> turn([this, key, flight, task = std::move(task)](const base::Result<bool>& came) {
    if (came.sound()) {
      task();
    } else {
      fail(key, flight, came.error());
    }
  });
  std::exception_ptr failure = failure_of([&] { cache_->readers.submit([turn] { turn.give(true); }, Turn::kUrgent); });
  if (failure != nullptr) turn.fail(std::move(failure));
}

void DiskCacheStore::look(const std::string& key, const std::shared_ptr<Flight>& flight) noexcept {
  std::exception_ptr failure = failure_of([&] {
    if (!still_wanted(*flight)) throw closed();
    const std::optional<Content> found = content_on_disk(key);
    if (!found) return fetch(key, flight);
    std::optional<Content> content;
    {
      const std::lock_guard lock(mutex_);
      content = known_[key].content;
    }
    if (!content) return probe(key, flight, *found);
    if (*content == *found) return read_for_all(key, flight);
    cache_->folder.remove(path_of(key));
    fetch(key, flight);
  });
  if (failure != nullptr) fail(key, flight, std::move(failure));
}

std::optional<disk_cache::Content> DiskCacheStore::content_on_disk(const std::string& key) {
  try {
    const std::unique_ptr<CacheFile> file = CacheFile::open(path_of(key), label_of(key));
    if (file == nullptr) return std::nullopt;
    return file->content();
  } catch (const disk_cache::UnusableFile&) {
    ++stats_.damaged;
    cache_->folder.remove(path_of(key));
    return std::nullopt;
  }
}

/// Another process, or an earlier one, has written the file: whether it still stands is the inner store's to say.
void DiskCacheStore::probe(const std::string& key, const std::shared_ptr<Flight>& flight, const Content& found) {
  ++stats_.probes;
  inner_->get({key, base::ByteRange{0, 1}, wanted_of(flight)}, [this, key, flight, found](base::Result<Object> result) {
    std::exception_ptr failure = failure_of([&] {
      const Object object = result.take();
      if (!agrees(key, object)) return pass_all_on(key, flight);
      if (Content{object.size, object.version} == found) return read_for_all(key, flight);
      begin(key, flight);  // which finds that the file is another one's
    });
    if (failure != nullptr) fail(key, flight, std::move(failure));
  });
}

void DiskCacheStore::fetch(const std::string& key, const std::shared_ptr<Flight>& flight) {
  if (!cache_->has_place(known_size(key), stats_)) return pass_all_on(key, flight);
  inner_->get({key, std::nullopt, wanted_of(flight)}, [this, key, flight](base::Result<Object> result) {
    std::exception_ptr failure = failure_of([&] {
      const auto object = std::make_shared<const Object>(result.take());
      go_on(key, flight, [this, key, flight, object] { deliver(key, flight, object); });
    });
    if (failure != nullptr) fail(key, flight, std::move(failure));
  });
}

void DiskCacheStore::deliver(const std::string& key, const std::shared_ptr<Flight>& flight,
                             const std::shared_ptr<const Object>& object) noexcept {
  std::exception_ptr failure = failure_of([&] {
    const disk_cache::Label label = label_of(key);
    const Content content{object->size, object->version};
    std::shared_ptr<const DiskCache::Place> place;
    if (agrees(key, *object) && object->bytes.size == object->size && can_be_kept(label, content)) {
      place = cache_->take_place(file_bytes(label, content), stats_);
    }
    const std::vector<Waiting> waiting =
        land(key, flight, [&](Known& known) { known.unwritten = place == nullptr ? nullptr : object; });
    std::chrono::nanoseconds took = object->took;
    for (const Waiting& one : waiting) {
      one.answer.give(base::Result<Object>::of([&] {
        Object part = part_of(*object, one.range);
        part.took = std::exchange(took, std::chrono::nanoseconds(0));  // it came once
        return part;
      }));
    }
    if (place == nullptr) return;
    try {
      cache_->writer.submit([this, key, object, place] { write(key, *object); });
    } catch (...) {
      land(key, nullptr, [](Known& known) { known.unwritten = nullptr; });
    }
  });
  if (failure != nullptr) fail(key, flight, std::move(failure));
}

void DiskCacheStore::write(const std::string& key, const Object& object) noexcept {
  bool written = false;
  try {
    const disk_cache::Label label = label_of(key);
    const base::Bytes data = object.bytes.view();
    const std::vector<std::byte> header = encode_header(label, {object.size, object.version}, data);
    written = cache_->folder.put(cache_->folder.path_of(label), header, data);
    if (written) ++stats_.written;
  } catch (...) {
    // Keeping is a favour: for want of memory it is left.
  }
  land(key, nullptr, [&](Known& known) {
    known.unwritten = nullptr;
    known.on_disk = written;
  });
}

void DiskCacheStore::read_for(const std::string& key, const Waiting& who) noexcept {
  std::exception_ptr failure = failure_of([&] {
    if (!is_wanted(who.wanted)) throw base::Error(base::ErrorKind::kClosed, "nobody waits for the read any more");
    if (std::optional<Object> object = read_from_disk(key, who.range)) {
      who.answer.give(std::move(*object));
    } else {
      land(key, nullptr, [](Known& known) { known.on_disk = false; });
      take_up(key, who);
    }
  });
  if (failure != nullptr) who.answer.fail(std::move(failure));
}

std::optional<Object> DiskCacheStore::read_from_disk(const std::string& key, std::optional<base::ByteRange> range) {
  const auto start = std::chrono::steady_clock::now();
  std::optional<Content> content;
  {
    const std::lock_guard lock(mutex_);
    content = known_[key].content;
  }
  try {
    const std::unique_ptr<CacheFile> file = CacheFile::open(path_of(key), label_of(key));
    // Another process may have put another version there.
    if (file == nullptr || file->content() != content) return std::nullopt;
    Object object{file->read(within(range, content->size)), content->size, content->version};
    object.took = std::chrono::steady_clock::now() - start;
    ++stats_.hits;
    stats_.bytes += object.bytes.size;
    return object;
  } catch (const disk_cache::UnusableFile&) {
    ++stats_.damaged;
    cache_->folder.remove(path_of(key));
    return std::nullopt;
  }
}

void DiskCacheStore::read_for_all(const std::string& key, const std::shared_ptr<Flight>& flight) noexcept {
  for (const Waiting& one : land(key, flight, [](Known& known) { known.on_disk = true; })) {
    std::exception_ptr failure = failure_of([&] { cache_->readers.submit([this, key, one] { read_for(key, one); }); });
    if (failure != nullptr) one.answer.fail(std::move(failure));
  }
}

void DiskCacheStore::pass_on(const std::string& key, const Waiting& who) noexcept {
  std::exception_ptr failure = failure_of([&] {
    inner_->get({key, who.range, who.wanted}, [this, key, answer = who.answer](base::Result<Object> result) {
      answer.give(base::Result<Object>::of([&] {
        Object object = result.take();
        agrees(key, object);
        return object;
      }));
    });
  });
  if (failure != nullptr) who.answer.fail(std::move(failure));
}

void DiskCacheStore::pass_all_on(const std::string& key, const std::shared_ptr<Flight>& flight) noexcept {
  for (const Waiting& one : land(key, flight, [](Known&) {})) pass_on(key, one);
}

void DiskCacheStore::fail(const std::string& key, const std::shared_ptr<Flight>& flight,
                          std::exception_ptr error) noexcept {
  {
    std::unique_lock lock(mutex_);
    if (std::exchange(flight->given_up, false) && !stopped_ && flight->wanted()) {
      // Somebody has joined since nobody wanted it.
      lock.unlock();
      return begin(key, flight);
    }
  }
  std::vector<Waiting> waiting = land(key, flight, [](Known&) {});
  for (const Waiting& one : waiting) one.answer.fail(&one == &waiting.back() ? std::move(error) : error);
}

Wanted DiskCacheStore::wanted_of(const std::shared_ptr<Flight>& flight) {
  return [this, flight] { return still_wanted(*flight); };
}

bool DiskCacheStore::still_wanted(Flight& flight) noexcept {
  const std::lock_guard lock(mutex_);
  flight.given_up = !flight.wanted();
  return !flight.given_up;
}

template <class Change>
std::vector<DiskCacheStore::Waiting> DiskCacheStore::land(const std::string& key, const std::shared_ptr<Flight>& flight,
                                                          Change change) noexcept {
  const std::lock_guard lock(mutex_);
  if (const auto found = known_.find(key); found != known_.end()) {
    change(found->second);
    if (flight != nullptr && found->second.flight == flight) found->second.flight = nullptr;
  }
  return flight == nullptr ? std::vector<Waiting>() : std::move(flight->waiting);
}

/// False where the object has no version, by which it could be kept. Throws where it is another one than before.
bool DiskCacheStore::agrees(const std::string& key, const Object& object) {
  {
    const std::lock_guard lock(mutex_);
    Known& known = known_[key];
    if (object.version.empty()) {
      // Of a range beyond the end, not all storage says it.
      if (object.bytes.size == 0) return false;
      known.goes_through = true;
    } else {
      Content content{object.size, object.version};
      if (!known.content) known.content = std::move(content);
      if (known.content->size == object.size && known.content->version == object.version) return true;
      throw base::Error(base::ErrorKind::kStorage, "the object changed while it was read",
                        "Something writes to the dataset: open it again when that has ended");
    }
  }
  tell_of_missing_versions();
  return false;
}

void DiskCacheStore::tell_of_missing_versions() {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(told_, true)) return;
  }
  cache_->tell("the storage names no versions (ETags) of the objects of '" + root_ +
               "', so the disk cache has none of them");
}

void DiskCacheStore::begin_stop() noexcept {
  {
    std::unique_lock lock(mutex_);
    stopped_ = true;
    // Nothing is added to the map's flights from now on, and nothing is ever taken out of it.
    for (auto& [key, known] : known_) {
      if (known.flight == nullptr) continue;
      const std::vector<Waiting> waiting = std::move(known.flight->waiting);
      lock.unlock();
      for (const Waiting& one : waiting) {
        std::exception_ptr failure = failure_of([&] { throw closed(); });
        if (failure != nullptr) one.answer.fail(std::move(failure));
      }
      lock.lock();
    }
  }
  inner_->begin_stop();
  cache_->begin_stop();
}

bool DiskCacheStore::stop(base::Deadline deadline) noexcept {
  begin_stop();
  const bool ended = inner_->stop(deadline);
  return cache_->stop(deadline) && ended;
}

void DiskCacheStore::abandon(std::shared_ptr<const void> owner) noexcept {
  begin_stop();
  inner_->abandon(owner);
  cache_->abandon(owner);
}

}  // namespace penstock::storage
