#pragma once

#include <cstddef>

namespace penstock::test {

enum class Threads {
  kPool,      ///< those of base::ThreadPool
  kConsumer,  ///< the calling thread, within a FailingNew::Here
};

/// For as long as it lives, one allocation by `new` on some threads throws std::bad_alloc: the `number`-th, counted
/// from one; with `for_good`, all that follow it too. One at a time, in a program that links failing_new.cpp.
class FailingNew {
 public:
  FailingNew(Threads threads, std::size_t number, bool for_good);
  ~FailingNew();
  FailingNew(const FailingNew&) = delete;
  FailingNew& operator=(const FailingNew&) = delete;

  /// Whether there were as many allocations.
  bool reached() const;

  /// A scope in which the calling thread is the consumer.
  class Here {
   public:
    Here();
    ~Here();
    Here(const Here&) = delete;
    Here& operator=(const Here&) = delete;
  };
};

}  // namespace penstock::test
