#pragma once

#include <string>

namespace penstock::transform {

/// What the kernels run on here, by Highway's name: "AVX2", for example.
std::string instruction_set();

/// The version of Highway.
std::string highway_version();

}  // namespace penstock::transform
