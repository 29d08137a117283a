#include "support/faulty_store.h"

#include <algorithm>
#include <thread>
#include <utility>

namespace penstock::test {

FaultyStore::FaultyStore(std::shared_ptr<storage::Store> inner) : inner_(std::move(inner)) {}

void FaultyStore::fail(const std::string& key, base::ErrorKind kind, unsigned times) {
  const std::lock_guard lock(mutex_);
  states_[key].failures_left = times;
  states_[key].kind = kind;
}

void FaultyStore::slow_down(std::chrono::milliseconds delay) {
  const std::lock_guard lock(mutex_);
  delay_ = delay;
}

void FaultyStore::hold(const std::string& key) {
  const std::lock_guard lock(mutex_);
  states_[key].held = true;
}

void FaultyStore::open(const std::string& key) {
  const std::lock_guard lock(mutex_);
  states_[key].held = false;
  changed_.notify_all();
}

void FaultyStore::truncate(const std::string& key, std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  states_[key].end = bytes;
}

unsigned FaultyStore::reads(const std::string& key) const {
  const std::lock_guard lock(mutex_);
  const auto found = states_.find(key);
  return found == states_.end() ? 0 : found->second.reads;
}

unsigned FaultyStore::reads() const {
  const std::lock_guard lock(mutex_);
  unsigned total = 0;
  for (const auto& [key, state] : states_) total += state.reads;
  return total;
}

unsigned FaultyStore::most_at_once(const std::string& key) const {
  const std::lock_guard lock(mutex_);
  const auto found = states_.find(key);
  return found == states_.end() ? 0 : found->second.most;
}

void FaultyStore::await_read(const std::string& key) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return states_[key].reads > 0; });
}

std::uint64_t FaultyStore::size(const std::string& key) { return inner_->size(key); }

void FaultyStore::read(const std::string& key, std::uint64_t offset, base::MutableBytes destination) {
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
    if (offset + destination.size() > state.end) {
      throw base::Error(base::ErrorKind::kChunkFormat, "injected early end of '" + key + "'");
    }
  }
  inner_->read(key, offset, destination);
}

}  // namespace penstock::test
