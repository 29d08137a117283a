#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace penstock::pipeline {

/// Where a batch is that somebody has waited for too long, and what would help, for an error.
struct Stuck {
  std::string what;
  std::string hint;
};

/// `reads`: what was asked of storage and has not come. Where nothing is missing, what came is being parsed.
Stuck stuck_in_storage(std::size_t batch, const std::vector<std::string>& reads);
/// `where`: what the batch waits for, on the decoding threads.
Stuck stuck_on_threads(std::size_t batch, const std::string& where);
Stuck stuck_for_memory(std::size_t batch);

}  // namespace penstock::pipeline
