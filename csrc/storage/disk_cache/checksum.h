#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.h"

namespace penstock::storage::disk_cache {

/// 64 bits that tell damage; they are no protection from somebody who means to deceive.
std::uint64_t checksum(base::Bytes bytes);

/// 128 bits of two texts, in hexadecimal: equal for equal pairs, and practically for no others.
std::string fingerprint(const std::string& first, const std::string& second);

}  // namespace penstock::storage::disk_cache
