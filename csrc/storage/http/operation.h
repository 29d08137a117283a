#pragma once

#include <list>
#include <memory>
#include <vector>

#include "base/error.h"
#include "storage/http/failure.h"
#include "storage/http/transfer.h"
#include "storage/http/url_book.h"
#include "storage/store.h"

namespace penstock::storage::http {

/// One request of the store's user, from its coming to its answer.
struct Operation {
  enum class State { kNeedsUrl, kReady, kRunning, kWaits };

  struct Attempt {
    std::unique_ptr<Transfer> transfer;
    bool is_hedge = false;
    bool added = false;  ///< to libcurl's transfers
  };

  Request request;
  Done done;

  std::list<std::unique_ptr<Operation>>::iterator self;  ///< among all

  State state = State::kNeedsUrl;
  std::list<Operation*>::iterator place;  ///< where it is queued: in the queue of its state, kNeedsUrl or kReady
  bool queued = false;
  bool in_batch = false;  ///< its URL has been asked for
  UrlBook::Shared url;
  std::string redirected_to;  ///< where the next attempt goes instead, once

  std::vector<Attempt> attempts;  ///< under way
  unsigned failed = 0;            ///< attempts that came to nothing
  unsigned at_once = 0;           ///< of them, those that were repeated without a wait
  unsigned redirects = 0;
  bool renewed = false;
  bool hedged = false;
  bool ask_whole = false;
  bool on_new_connection = false;
  Failure last;  ///< of the last attempt that failed

  TimePoint begun{};                       ///< when its time began to run
  TimePoint deadline = TimePoint::max();   ///< set while its time runs
  TimePoint retry_at = TimePoint::max();   ///< state kWaits
  TimePoint armed_for = TimePoint::max();  ///< its place among the timers

  /// The URL of the attempts, as messages show it; empty where there is none yet.
  std::string where() const;
};

/// The error that a request ends with.
base::Error error_of(const Operation& operation, const Failure& failure, TimePoint now);

/// The error of a request whose time is over.
base::Error timeout_of(const Operation& operation, TimePoint now);

/// The failure of an answer that is of another object than earlier ones.
Failure object_changed();

}  // namespace penstock::storage::http
