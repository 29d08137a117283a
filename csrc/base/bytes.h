#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace penstock::base {

using Bytes = std::span<const std::byte>;
using MutableBytes = std::span<std::byte>;

/// Bytes that own themselves; not initialised on allocation.
struct OwnedBytes {
  std::unique_ptr<std::byte[]> data;
  std::size_t size = 0;

  static OwnedBytes allocate(std::size_t size) { return {std::make_unique_for_overwrite<std::byte[]>(size), size}; }
  Bytes view() const { return {data.get(), size}; }
};

/// Where bytes lie within others: [begin, end).
struct ByteRange {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;

  std::uint64_t size() const { return end - begin; }
};

/// Sizes of a sample along its axes, outermost first; empty for a scalar.
using Shape = std::vector<std::uint32_t>;

/// a * b, or nothing when the product does not fit. For sizes that come from a file.
inline std::optional<std::uint64_t> checked_multiply(std::uint64_t a, std::uint64_t b) {
  std::uint64_t product = 0;
  if (__builtin_mul_overflow(a, b, &product)) return std::nullopt;
  return product;
}

/// Number of elements of `shape` times `item_size`, or nothing on overflow.
inline std::optional<std::uint64_t> checked_byte_count(const Shape& shape, std::uint64_t item_size) {
  std::optional<std::uint64_t> total = item_size;
  for (const std::uint32_t extent : shape) {
    total = checked_multiply(*total, extent);
    if (!total) return std::nullopt;
  }
  return total;
}

/// Reads a little-endian u32 at `offset`; the caller has checked that it is there.
inline std::uint32_t load_u32(Bytes bytes, std::size_t offset) {
  std::uint32_t value = 0;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

}  // namespace penstock::base
