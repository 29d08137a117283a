#pragma once

#include <functional>
#include <string>
#include <vector>

namespace penstock::test {

/// Names of this process's threads.
std::vector<std::string> thread_names();
/// How many of them belong to a loader.
std::size_t penstock_threads();
/// Waits until `condition` holds; false when it does not within ten seconds.
bool eventually(const std::function<bool()>& condition);

}  // namespace penstock::test
