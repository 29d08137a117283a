#include "support/faulty_files.h"

#include <algorithm>
#include <thread>
#include <utility>

namespace penstock::test {

FaultyFiles::FaultyFiles(std::shared_ptr<storage::Files> inner) : inner_(std::move(inner)) {}

void FaultyFiles::fail(const std::string& key, base::ErrorKind kind, unsigned times) {
  const std::lock_guard lock(mutex_);
  states_[key].failures_left = times;
  states_[key].kind = kind;
}

void FaultyFiles::slow_down(std::chrono::milliseconds delay) {
  const std::lock_guard lock(mutex_);
  delay_ = delay;
}

void FaultyFiles::hold(const std::string& key) {
  const std::lock_guard lock(mutex_);
  states_[key].held = true;
}

void FaultyFiles::open(const std::string& key) {
  const std::lock_guard lock(mutex_);
  states_[key].held = false;
  changed_.notify_all();
}

void FaultyFiles::truncate(const std::string& key, std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  states_[key].end = bytes;
}

unsigned FaultyFiles::reads(const std::string& key) const {
  const std::lock_guard lock(mutex_);
  const auto found = states_.find(key);
  return found == states_.end() ? 0 : found->second.reads;
}

unsigned FaultyFiles::reads() const {
  const std::lock_guard lock(mutex_);
  unsigned total = 0;
  for (const auto& [key, state] : states_) total += state.reads;
  return total;
}

unsigned FaultyFiles::most_at_once(const std::string& key) const {
  const std::lock_guard lock(mutex_);
  const auto found = states_.find(key);
  return found == states_.end() ? 0 : found->second.most;
}

void FaultyFiles::await_read(const std::string& key) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return states_[key].reads > 0; });
}

storage::Object FaultyFiles::read(const std::string& key, std::optional<base::ByteRange> range) {
  std::uint64_t end = 0;
  std::chrono::milliseconds delay{0};
  {
    std::unique_lock lock(mutex_);
    State& state = states_[key];
    ++state.reads;
    state.most = std::max(state.most, ++state.now);
    changed_.notify_all();
    changed_.wait(lock, [&] { return !state.held; });
    delay = delay_;
  }
  std::this_thread::sleep_for(delay);
  {
    const std::lock_guard lock(mutex_);
    State& state = states_[key];
    --state.now;
    if (state.failures_left > 0) {
      --state.failures_left;
      throw base::Error(state.kind, "injected failure of '" + key + "'");
    }
    end = state.end;
  }
  storage::Object object = inner_->read(key, range);
  const std::uint64_t begin = range ? range->begin : 0;
  if (end < begin + object.bytes.size) object.bytes.size = end > begin ? end - begin : 0;
  return object;
}

}  // namespace penstock::test
