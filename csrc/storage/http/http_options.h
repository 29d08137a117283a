#pragma once

#include <string>

namespace penstock::storage {

/// How an HttpStore reads. Python has checked that all numbers are positive.
struct HttpOptions {
  unsigned connections = 32;          ///< most requests under way at once
  unsigned attempts = 10;             ///< of one request, before its error is reported
  double deadline_seconds = 120;      ///< of one request with all its attempts, from when the first begins
  double backoff_seconds = 0.1;       ///< the longest first wait before another attempt; doubles with each
  double backoff_cap_seconds = 10;    ///< the longest wait before another attempt
  double connect_seconds = 10;        ///< for name, connection and TLS
  double stall_seconds = 20;          ///< with fewer bytes than seconds, after which an attempt is given up
  bool hedge = true;                  ///< ask a second time for what is unusually slow
  std::string ca_file = {};           ///< certificates to trust beside the system's, PEM; empty: none
  bool verify = true;                 ///< check the server's certificate and its name
  std::string fallback_ca_file = {};  ///< certificates to trust where the system has none, PEM
  std::string user_agent = "penstock";
};

}  // namespace penstock::storage
