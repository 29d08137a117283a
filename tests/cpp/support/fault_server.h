#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace penstock::test {

/// What a scenario wants of one request, and of its answer.
struct FaultAsk {
  std::string key;
  std::optional<base::ByteRange> range;
  std::string expect;  ///< "data", or a class of penstock.errors
  std::string says;    ///< stands in the error's text
};

/// tests/support/fault_server.py as a process of its own, which ends with the object.
class FaultServer {
 public:
  /// Serves `directory`; `arguments` are the program's.
  FaultServer(const std::string& directory, const std::vector<std::string>& arguments);
  ~FaultServer();
  FaultServer(const FaultServer&) = delete;
  FaultServer& operator=(const FaultServer&) = delete;

  const std::string& base() const { return base_; }  ///< the URL of the directory, with a slash at its end
  const std::string& certificate() const { return certificate_; }
  const std::map<std::string, std::string>& options() const { return options_; }
  const std::vector<FaultAsk>& asks() const { return asks_; }
  double within() const { return within_; }
  std::optional<std::uint64_t> most_requests() const { return most_requests_; }

  /// A scenario of tests/data/faults, as arguments.
  static std::vector<std::string> scenario(const std::string& name);

 private:
  void take(const std::string& line);

  pid_t process_ = -1;
  int input_ = -1;
  std::string base_;
  std::string certificate_;
  std::map<std::string, std::string> options_;
  std::vector<FaultAsk> asks_;
  double within_ = 5;
  std::optional<std::uint64_t> most_requests_;
};

}  // namespace penstock::test
