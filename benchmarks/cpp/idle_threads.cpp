// How busy the loader keeps more threads than this machine has cores: samples that sleep for as long as they are said
// to take, in an epoch without storage or pixels.
//
//   idle_threads THREADS BATCH_SIZE PREFETCH PREFETCH_SAMPLES
//
// Reads the samples' microseconds from standard input, and prints the share of the threads' time in which they were at
// a sample.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include "support/stand_in.h"

int main(int argc, char** argv) {
  if (argc != 5) {
    std::cerr << "usage: idle_threads THREADS BATCH_SIZE PREFETCH PREFETCH_SAMPLES\n";
    return 2;
  }
  const auto number = [argv](int i) { return static_cast<unsigned>(std::stoul(argv[i])); };
  std::vector<std::int64_t> microseconds;
  for (std::int64_t each = 0; std::cin >> each;) microseconds.push_back(each);

  using Clock = std::chrono::steady_clock;
  std::atomic<std::int64_t> busy = 0;  // nanoseconds: a sleep takes longer than it is asked to
  penstock::test::StandIn stand_in(number(1), number(3), number(4), [&](std::int64_t sample) {
    const auto begin = Clock::now();
    std::this_thread::sleep_for(std::chrono::microseconds(microseconds[static_cast<std::size_t>(sample)]));
    busy += std::chrono::nanoseconds(Clock::now() - begin).count();
  });
  const auto begin = Clock::now();
  const auto epoch = stand_in.start(static_cast<std::int64_t>(microseconds.size()), number(2));
  while (epoch->next([] {})) continue;
  const std::chrono::nanoseconds wall = Clock::now() - begin;
  std::cout << static_cast<double>(busy) / static_cast<double>(wall.count()) / number(1) << std::endl;
}
