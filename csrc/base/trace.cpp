#include "base/trace.h"

#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <new>
#include <unordered_map>
#include <utility>

#include "base/error.h"

namespace penstock::base::trace {
namespace {

constexpr std::size_t kWords = 9;
using Words = std::array<std::uint64_t, kWords>;

constexpr std::size_t kMostRings = 256;
constexpr std::size_t kMostLabels = std::size_t{1} << 16;
constexpr std::size_t kMostLabelBytes = 300;

Words words_of(const Event& event) noexcept {
  return {static_cast<std::uint64_t>(event.start),
          static_cast<std::uint64_t>(event.duration),
          static_cast<std::uint64_t>(event.name) | std::uint64_t{event.loader} << 8,
          event.epoch | std::uint64_t{event.batch} << 32,
          static_cast<std::uint64_t>(event.sample),
          event.bytes,
          event.first,
          event.second,
          event.key | std::uint64_t{event.error} << 32};
}

Event event_of(const Words& words) noexcept {
  return {.name = static_cast<Name>(words[2] & 0xff),
          .loader = static_cast<std::uint16_t>(words[2] >> 8),
          .start = static_cast<std::int64_t>(words[0]),
          .duration = static_cast<std::int64_t>(words[1]),
          .epoch = static_cast<std::uint32_t>(words[3]),
          .batch = static_cast<std::uint32_t>(words[3] >> 32),
          .sample = static_cast<std::int64_t>(words[4]),
          .bytes = words[5],
          .first = words[6],
          .second = words[7],
          .key = static_cast<Label>(words[8]),
          .error = static_cast<Label>(words[8] >> 32)};
}

/// The events of a thread, which alone writes; anybody may read at any time. Words are stored with release order, so
/// that who reads one of event n sees that n events were ended before: a place that was written to meanwhile is known
/// by that.
class Ring {
 public:
  /// Pages of memory that was asked for as zeros are taken when they are written to.
  explicit Ring(std::size_t places)
      : places_(places), words_(static_cast<std::uint64_t*>(std::calloc(places * kWords, sizeof(std::uint64_t)))) {
    if (words_ == nullptr) throw std::bad_alloc();
    std::array<char, 16> text{};
    pthread_getname_np(pthread_self(), text.data(), text.size());
    name = text.data();
    id = syscall(SYS_gettid);
  }
  ~Ring() { std::free(words_); }
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  void write(const Event& event) noexcept {
    const std::uint64_t number = ended_.load(std::memory_order_relaxed);
    std::uint64_t* const place = words_ + number % places_ * kWords;
    const Words words = words_of(event);
    for (std::size_t i = 0; i < kWords; ++i) {
      std::atomic_ref<std::uint64_t>(place[i]).store(words[i], std::memory_order_release);
    }
    ended_.store(number + 1, std::memory_order_release);
  }

  /// Adds the events that are there; returns how many are not.
  std::uint64_t read(std::vector<Event>& events) const {
    const std::uint64_t end = ended_.load(std::memory_order_acquire);
    const std::uint64_t begin = end - std::min<std::uint64_t>(end, places_);
    const std::size_t before = events.size();
    events.reserve(before + (end - begin));
    for (std::uint64_t number = begin; number < end; ++number) {
      std::uint64_t* const place = words_ + number % places_ * kWords;
      Words words;
      for (std::size_t i = 0; i < kWords; ++i) {
        words[i] = std::atomic_ref<std::uint64_t>(place[i]).load(std::memory_order_acquire);
      }
      events.push_back(event_of(words));
    }
    // The oldest place of a full ring may be the one that is being written to.
    const std::uint64_t now_ended = ended_.load(std::memory_order_acquire);
    const std::uint64_t first_sound = now_ended + 1 - std::min<std::uint64_t>(now_ended + 1, places_);
    const std::uint64_t lost = std::min(std::max(begin, first_sound), end);
    events.erase(events.begin() + static_cast<std::ptrdiff_t>(before),
                 events.begin() + static_cast<std::ptrdiff_t>(before + (lost - begin)));
    return lost;
  }

  std::uint64_t written() const noexcept { return ended_.load(std::memory_order_acquire); }

  std::string name;
  std::int64_t id = 0;
  std::atomic<bool> left{false};  ///< its thread has ended

 private:
  const std::size_t places_;
  std::uint64_t* const words_;
  std::atomic<std::uint64_t> ended_{0};
};

/// Of this process. Never freed: threads may write when all else is gone.
struct Session {
  std::mutex mutex;
  std::size_t places = 0;
  std::vector<std::shared_ptr<Ring>> rings;
  std::uint64_t dropped = 0;
  std::unordered_map<std::string, Label> numbers;
  std::vector<std::string> labels;
};
Session* const session = new Session;
/// Which start() rings belong to.
std::atomic<std::uint64_t> generation{0};

/// A thread's ring, and for which start() it was made; null where there was no room.
struct Mine {
  std::shared_ptr<Ring> ring;
  std::uint64_t generation = ~std::uint64_t{0};
  ~Mine() {
    if (ring != nullptr) ring->left = true;
  }
};
thread_local Mine mine;

void clear() noexcept {
  session->rings.clear();
  session->dropped = 0;
  session->numbers.clear();
  session->labels.clear();
}

/// Makes room for one more ring at the cost of a thread that has ended; false where all still run.
bool make_room() noexcept {
  if (session->rings.size() < kMostRings) return true;
  const auto found = std::ranges::find_if(session->rings, [](const auto& ring) { return ring->left.load(); });
  if (found == session->rings.end()) return false;
  session->dropped += (*found)->written();
  session->rings.erase(found);
  return true;
}

void join(std::uint64_t current) noexcept {
  mine.ring.reset();
  mine.generation = current;
  const std::lock_guard lock(session->mutex);
  if (!make_room()) return;
  try {
    auto ring = std::make_shared<Ring>(session->places);
    session->rings.push_back(ring);
    mine.ring = std::move(ring);
  } catch (const std::bad_alloc&) {
    return;  // its events are counted as lost
  }
}

/// A fork while another thread holds the lock would leave it locked for ever in the child.
void watch_forks() {
  static const int registered = pthread_atfork([] { session->mutex.lock(); }, [] { session->mutex.unlock(); },
                                               [] {
                                                 detail::on = false;
                                                 ++generation;
                                                 clear();
                                                 session->mutex.unlock();
                                               });
  static_cast<void>(registered);
}

}  // namespace

void start(std::size_t events_a_thread) {
  watch_forks();
  const std::lock_guard lock(session->mutex);
  clear();
  session->labels.emplace_back();
  session->places = std::max<std::size_t>(events_a_thread, 1);
  ++generation;
  detail::on = true;
}

Trace stop() {
  detail::on = false;
  std::vector<std::shared_ptr<Ring>> rings;
  Trace trace;
  {
    const std::lock_guard lock(session->mutex);
    rings.swap(session->rings);
    trace.labels.swap(session->labels);
    trace.dropped = session->dropped;
    clear();
    ++generation;
  }
  for (const auto& ring : rings) {
    ThreadEvents& thread = trace.threads.emplace_back(ThreadEvents{ring->name, ring->id, {}});
    trace.dropped += ring->read(thread.events);
  }
  return trace;
}

void write(const Event& event) noexcept {
  const std::uint64_t current = generation.load(std::memory_order_acquire);
  if (mine.generation != current) {
    if (!on()) return;
    join(current);
  }
  if (mine.ring != nullptr) {
    mine.ring->write(event);
  } else {
    const std::lock_guard lock(session->mutex);
    ++session->dropped;
  }
}

Label label(std::string_view text) noexcept {
  try {
    std::string cut(text.substr(0, kMostLabelBytes));
    const std::lock_guard lock(session->mutex);
    const auto found = session->numbers.find(cut);
    if (found != session->numbers.end()) return found->second;
    if (session->labels.empty() || session->labels.size() >= kMostLabels) return 0;  // off, or full
    const auto number = static_cast<Label>(session->labels.size());
    session->labels.push_back(cut);
    session->numbers.emplace(std::move(cut), number);
    return number;
  } catch (...) {
    return 0;
  }
}

Label label_of(const std::exception_ptr& error) noexcept {
  try {
    std::rethrow_exception(error);
  } catch (const Error& known) {
    return label(known.what());
  } catch (...) {
    return label("an error");  // of Python's, among others, whose words need the GIL
  }
}

}  // namespace penstock::base::trace
