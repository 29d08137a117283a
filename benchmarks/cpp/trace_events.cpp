// What an event of a trace costs the thread that writes it, and what asking whether there is a trace does: nanoseconds,
// the least of some rounds.
#include <algorithm>
#include <cstdint>
#include <cstdio>

#include "base/trace.h"

namespace {

using penstock::base::trace::Name;
using penstock::base::trace::Span;

constexpr int kSpans = 1'000'000;

double nanoseconds_a_span() {
  const std::int64_t start = penstock::base::trace::now();
  for (int i = 0; i < kSpans; ++i) {
    Span span(Name::kDecode, 1);
    span.event.sample = i;
  }
  return static_cast<double>(penstock::base::trace::now() - start) / kSpans;
}

double least(int rounds) {
  double found = nanoseconds_a_span();
  for (int round = 1; round < rounds; ++round) found = std::min(found, nanoseconds_a_span());
  return found;
}

}  // namespace

int main() {
  const double off = least(20);
  penstock::base::trace::start();
  const double on = least(20);
  penstock::base::trace::stop();
  std::printf("{\"nanoseconds_a_span\": %.1f, \"nanoseconds_without_a_trace\": %.2f}\n", on, off);
}
