#pragma once

#include <cstddef>
#include <cstring>
#include <random>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/bytes.h"

namespace penstock::test {

using ByteVector = std::vector<std::byte>;

inline ByteVector bytes_of(std::string_view text) {
  const auto view = std::as_bytes(std::span(text));
  return {view.begin(), view.end()};
}

template <class T>
ByteVector bytes_of(const std::vector<T>& values) {
  static_assert(std::is_trivially_copyable_v<T>);
  const auto view = std::as_bytes(std::span(values));
  return {view.begin(), view.end()};
}

inline ByteVector copy_of(base::Bytes bytes) { return {bytes.begin(), bytes.end()}; }

inline ByteVector random_bytes(std::size_t count, unsigned seed) {
  std::mt19937 generator(seed);
  ByteVector bytes(count);
  for (std::byte& value : bytes) value = static_cast<std::byte>(generator() & 0xFFU);
  return bytes;
}

inline void append(ByteVector& out, base::Bytes more) { out.insert(out.end(), more.begin(), more.end()); }

}  // namespace penstock::test
