#pragma once

#include <string>
#include <utility>
#include <vector>

namespace penstock::decode {

/// The codec libraries by name with their versions: those that run, where they say it, else those that were built with.
std::vector<std::pair<std::string, std::string>> library_versions();

}  // namespace penstock::decode
