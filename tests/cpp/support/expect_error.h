#pragma once

#include <gtest/gtest.h>

#include <exception>
#include <string>

#include "base/error.h"

namespace penstock::test {

/// The base::Error that `action` throws; a test failure when it throws none or something else.
template <class Action>
base::Error error_of(Action action) {
  try {
    action();
  } catch (const base::Error& error) {
    return error;
  } catch (const std::exception& other) {
    ADD_FAILURE() << "threw another exception: " << other.what();
    return base::Error(base::ErrorKind::kClosed, other.what());
  }
  ADD_FAILURE() << "threw nothing";
  return base::Error(base::ErrorKind::kClosed, "");
}

template <class Action>
base::ErrorKind kind_of(Action action) {
  return error_of(action).kind();
}

}  // namespace penstock::test

namespace penstock::base {

/// For GoogleTest's messages.
inline void PrintTo(ErrorKind kind, std::ostream* out) {
  constexpr const char* kNames[] = {"kStorage",      "kChunkNotFound", "kChunkFormat",   "kDecode",  "kUnsupported",
                                    "kTransform",    "kClosed",        "kTimeout",       "kThreads", "kAccessDenied",
                                    "kHostNotFound", "kCertificate",   "kStorageTimeout"};
  *out << kNames[static_cast<int>(kind)];
}

}  // namespace penstock::base
