#include "storage/http/body.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace penstock::storage::http {
namespace {

constexpr std::size_t kBeginning = 256;
/// Sooner read to its end than a connection given up and made again.
constexpr std::uint64_t kRestToRead = std::uint64_t{1} << 20;
constexpr std::uint64_t kLargestUnstated = std::uint64_t{4} << 30;
constexpr std::size_t kFirstPiece = std::size_t{1} << 20;

}  // namespace

void Body::begin(const ExpectedBody& expected) {
  expected_ = expected;
  if (expected.size && expected.take) bytes_ = base::OwnedBytes::allocate(static_cast<std::size_t>(*expected.take));
}

Body::Step Body::add(base::Bytes bytes) {
  if (beginning_.size() < kBeginning) {
    beginning_.append(reinterpret_cast<const char*>(bytes.data()),
                      std::min(bytes.size(), kBeginning - beginning_.size()));
  }
  const std::uint64_t before = received_;
  received_ += bytes.size();
  const std::uint64_t stated = expected_.whole ? expected_.size.value_or(kLargestUnstated) : *expected_.take;
  if (received_ > stated) return Step::kTooLong;
  if (before < expected_.skip) {
    bytes = bytes.subspan(std::min<std::size_t>(bytes.size(), static_cast<std::size_t>(expected_.skip - before)));
  }
  keep(bytes);
  const bool enough = expected_.size && expected_.take && kept_ == *expected_.take && received_ >= expected_.skip;
  return enough && stated - received_ > kRestToRead ? Step::kEnough : Step::kMore;
}

void Body::keep(base::Bytes bytes) {
  if (expected_.take) {
    bytes = bytes.first(std::min<std::size_t>(bytes.size(), static_cast<std::size_t>(*expected_.take) - kept_));
  }
  if (bytes.size() > bytes_.size - kept_) {
    // Of a body whose length nobody stated.
    base::OwnedBytes larger = base::OwnedBytes::allocate(std::max(kFirstPiece, 2 * (kept_ + bytes.size())));
    if (kept_ > 0) std::memcpy(larger.data.get(), bytes_.data.get(), kept_);
    bytes_ = std::move(larger);
  }
  if (!bytes.empty()) std::memcpy(bytes_.data.get() + kept_, bytes.data(), bytes.size());
  kept_ += bytes.size();
}

bool Body::complete() const {
  // Of a whole object that nobody stated the size of, a range may lie beyond the end.
  if (!expected_.size) return true;
  return kept_ == *expected_.take;
}

base::OwnedBytes Body::take() {
  bytes_.size = kept_;
  return std::move(bytes_);
}

}  // namespace penstock::storage::http
