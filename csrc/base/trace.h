#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

/// What the process's loaders do, and when: events that each thread writes to a ring of its own. Writing one takes
/// neither a lock nor memory, but for a thread's first one. A full ring loses its oldest events, and counts them.
namespace penstock::base::trace {

/// What an event tells of; kNames has the words.
enum class Name : std::uint8_t {
  kFetch,     ///< storage worked on a request for bytes
  kTry,       ///< one request to a server
  kRead,      ///< a thread read, and waited for it
  kParse,     ///< a chunk's bytes were made a chunk, or samples of one
  kFetched,   ///< an item of a sample is there; a moment
  kGeometry,  ///< of a batch, or of a sample where that takes long
  kLayOut,    ///< shapes of a batch, and its memory
  kDecode,    ///< pixels of a sample; what a pipeline does with them included
  kReady,     ///< a batch can be handed out; a moment
  kWait,      ///< somebody waited for a batch
  kGilWait,   ///< a thread of the core waited for Python
  kGilHeld,   ///< a thread of the core was in Python
};
inline constexpr const char* kNames[] = {"fetch",   "try",    "read",  "parse", "fetched",  "geometry",
                                         "lay out", "decode", "ready", "wait",  "gil wait", "gil held"};

/// Text of events, by number; 0 is none.
using Label = std::uint32_t;

struct Event {
  Name name{};
  std::uint16_t loader = 0;        ///< Stats::loader; 0 where nobody knows
  std::int64_t start = 0;          ///< nanoseconds of the steady clock
  std::int64_t duration = 0;       ///< nanoseconds
  std::uint32_t epoch = kNothing;  ///< that random numbers follow from
  std::uint32_t batch = kNothing;  ///< by its place in what the core was told of the epoch
  std::int64_t sample = -1;        ///< of the dataset
  std::uint64_t bytes = 0;         ///< kFetch, kTry, kRead: that came. kReady, kWait: that the loader holds
  /// kDecode: nanoseconds that stats count as decoding. kFetch: where the range begins. kTry: which one it is, from 1.
  /// kWait: how many samples came.
  std::uint64_t first = 0;
  /// kDecode: nanoseconds of a pipeline's work. kFetch: nanoseconds that it waited before, for a thread, a connection
  /// or another try. kTry: whether it was sent beside a slow one.
  std::uint64_t second = 0;
  Label key = 0;    ///< kFetch, kTry, kRead, kFetched: of the chunk
  Label error = 0;  ///< what the work ended with

  static constexpr std::uint32_t kNothing = ~std::uint32_t{0};
};

/// What a thread did, in the order in which it ended.
struct ThreadEvents {
  std::string name;
  std::int64_t id = 0;  ///< of the system
  std::vector<Event> events;
};

struct Trace {
  std::vector<ThreadEvents> threads;
  std::vector<std::string> labels;  ///< by number
  std::uint64_t dropped = 0;        ///< events that found no room
};

/// Begins, and drops what was written before. `events_a_thread`: places in each ring, of 72 bytes; memory is taken as
/// they are written to. A forked child has nothing of its parent's, and begins by itself.
void start(std::size_t events_a_thread = std::size_t{1} << 16);

/// Ends, and hands out what was written. What a thread is just writing may be lost.
Trace stop();

namespace detail {
inline std::atomic<bool> on{false};
}
inline bool on() noexcept { return detail::on.load(std::memory_order_relaxed); }

inline std::int64_t now() noexcept {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

void write(const Event& event) noexcept;

/// The number of a text, under a lock: for what happens a few times a batch. Texts are cut; of too many, the last have
/// none.
Label label(std::string_view text) noexcept;
Label label_of(const std::exception_ptr& error) noexcept;

/// Writes a scope down as an event. Of one thread.
class Span {
 public:
  explicit Span(Name name, std::uint16_t loader = 0) noexcept : on_(trace::on()) {
    if (!on_) return;
    event.name = name;
    event.loader = loader;
    event.start = now();
  }
  ~Span() {
    if (!on_) return;
    event.duration = now() - event.start;
    write(event);
  }
  Span(const Span&) = delete;
  Span& operator=(const Span&) = delete;

  /// Whether anybody will see what is said of it.
  bool on() const noexcept { return on_; }
  /// To be called where the scope is left by an exception.
  void failed() noexcept {
    if (on_) event.error = label_of(std::current_exception());
  }

  Event event;

 private:
  bool on_;
};

/// Of the sample that this thread decodes: nanoseconds that stats counted as decoding, and as a pipeline's work. For
/// who writes its span, who knows nothing of recipes.
struct Parts {
  std::uint64_t decode = 0;
  std::uint64_t transform = 0;
};
inline thread_local Parts parts;

}  // namespace penstock::base::trace
