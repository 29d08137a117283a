#include "storage/http/signer.h"

#include <utility>

#include "base/error.h"
#include "base/stats.h"

namespace penstock::storage::http {

Signer::Signer(std::shared_ptr<UrlSource> source, HttpStats& stats, std::function<void()> wake)
    : source_(std::move(source)), stats_(stats), wake_(std::move(wake)), pool_("penstock-sign", 1, "connections") {}

void Signer::ask(std::vector<std::string> keys, bool fresh) {
  ++stats_.sign_calls;
  stats_.urls_signed += keys.size();
  // Its time is now: a URL that is refused before this batch is made was not known when it was asked for.
  pool_.submit([this, keys = std::move(keys), fresh, asked_at = Clock::now()]() mutable {
    Answer answer = answer_of(std::move(keys), fresh, asked_at);
    {
      const std::lock_guard lock(mutex_);
      answer_ = std::move(answer);
    }
    wake_();
  });
  busy_ = true;
}

Signer::Answer Signer::answer_of(std::vector<std::string> keys, bool fresh, TimePoint asked_at) {
  const base::StageTimer timer(stats_.sign_ns);
  auto urls = base::Result<std::vector<SignedUrl>>::of([&] {
    std::vector<SignedUrl> made = source_->sign(keys, fresh);
    if (made.size() != keys.size()) {
      throw base::Error(base::ErrorKind::kStorage,
                        std::to_string(made.size()) + " URLs were made for " + std::to_string(keys.size()) + " keys");
    }
    return made;
  });
  return {std::move(keys), asked_at, std::move(urls)};
}

std::optional<Signer::Answer> Signer::take_answer() {
  const std::lock_guard lock(mutex_);
  if (!answer_) return std::nullopt;
  busy_ = false;
  return std::exchange(answer_, std::nullopt);
}

}  // namespace penstock::storage::http
