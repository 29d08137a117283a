#include "storage/http/event_loop.h"

#include <algorithm>
#include <future>
#include <new>
#include <utility>

#include "base/error.h"

namespace penstock::storage::http {
namespace {

constexpr std::chrono::seconds kLongestWait{60};

MultiHandle make_multi(const HttpOptions& options) {
  ready_curl();
  MultiHandle multi(curl_multi_init());
  if (!multi) throw std::bad_alloc();
  curl_multi_setopt(multi.get(), CURLMOPT_MAXCONNECTS, static_cast<long>(options.connections) + 8);
  return multi;
}

std::exception_ptr closed() noexcept {
  try {
    throw base::Error(base::ErrorKind::kClosed, "the storage was closed");
  } catch (...) {
    return std::current_exception();  // or that there is no memory to say so
  }
}

}  // namespace

EventLoop::EventLoop(std::shared_ptr<UrlSource> urls, HttpOptions options, Requests::Report report)
    : options_(std::move(options)),
      multi_(make_multi(options_)),
      signer_(std::move(urls), stats_, [this] { wake(); }),
      requests_(multi_.get(), signer_, versions_, pace_, stats_, options_, std::move(report)),
      pool_("penstock-net", 1, "connections") {
  // Once it runs it ends properly; as a task that waits it could be dropped, with what was asked of it.
  std::promise<void> runs;
  pool_.submit([this, &runs] {
    runs.set_value();
    run();
  });
  runs.get_future().wait();
}

EventLoop::~EventLoop() { stop(base::Deadline::max()); }

void EventLoop::post(Request request, Done done) noexcept {
  Requests::Operations mail;
  try {
    mail.push_back(std::make_unique<Operation>());
  } catch (...) {
    done(std::current_exception());
    return;
  }
  mail.back()->request = std::move(request);
  mail.back()->done = std::move(done);
  {
    const std::lock_guard lock(mutex_);
    if (!ended_ && !stopping_) {
      const bool first = mail_.empty();
      mail_.splice(mail_.end(), mail);
      if (first) curl_multi_wakeup(multi_.get());
      return;
    }
  }
  mail.back()->done(closed());
}

void EventLoop::wake() noexcept {
  const std::lock_guard lock(mutex_);
  if (!ended_) curl_multi_wakeup(multi_.get());
}

void EventLoop::begin_stop() noexcept {
  stopping_ = true;
  signer_.pool().begin_stop();
  wake();
}

bool EventLoop::stop(base::Deadline deadline) noexcept {
  begin_stop();
  const bool net_ended = pool_.stop(deadline);
  return signer_.pool().stop(deadline) && net_ended;
}

void EventLoop::abandon(std::shared_ptr<const void> owner) noexcept {
  begin_stop();
  signer_.pool().abandon(owner);
  pool_.abandon(std::move(owner));
}

void EventLoop::run() noexcept {
  while (!stopping_) {
    try {
      turn();
    } catch (...) {
      requests_.end_all(std::current_exception());
    }
  }
  take_mail();
  requests_.end_all(closed());
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  take_mail();
  requests_.end_all(closed());
  multi_.reset();
}

void EventLoop::turn() {
  take_mail();
  take_answers();
  requests_.on_time(Clock::now());
  requests_.pump();
  int running = 0;
  curl_multi_perform(multi_.get(), &running);
  int left = 0;
  bool any = false;
  while (const CURLMsg* message = curl_multi_info_read(multi_.get(), &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    requests_.on_transfer_done(message->easy_handle, message->data.result);
    any = true;
  }
  // What ended makes room for others, which have to be begun before there is anything to wait for.
  if (!any) wait();
}

void EventLoop::take_mail() noexcept {
  Requests::Operations come;
  {
    const std::lock_guard lock(mutex_);
    come.swap(mail_);
  }
  requests_.accept(come);
}

void EventLoop::take_answers() {
  if (auto answer = signer_.take_answer()) requests_.on_signed(std::move(*answer));
}

void EventLoop::wait() {
  using std::chrono::milliseconds;
  const TimePoint now = Clock::now();
  const TimePoint until = std::clamp(requests_.next_time(), now, now + kLongestWait);
  const auto time = std::chrono::ceil<milliseconds>(until - now);
  if (curl_multi_poll(multi_.get(), nullptr, 0, static_cast<int>(time.count()), nullptr) != CURLM_OK) {
    throw std::bad_alloc();
  }
}

}  // namespace penstock::storage::http
